/** What the headers of a reply say about its map. */

import { fovFromFocal, type Ambiguity, type Camera, type Quantity } from "./depth";

const QUANTITIES: readonly string[] = ["depth", "ray_distance", "disparity", "pixel_disparity"];
const AMBIGUITIES: readonly string[] = ["metric", "scale_invariant", "affine_invariant", "ordinal"];

export interface MapHeaders {
  readonly kind: string;
  readonly quantity: Quantity;
  readonly ambiguity: Ambiguity;
  readonly unit: string;
  readonly width: number;
  readonly height: number;
  readonly camera: Camera;
  readonly model: string;
  readonly version: string;
  readonly notes: readonly string[];
}

/** Read the Leadline-* headers; throws a sentence when one that is needed is missing or makes no sense. */
export function readHeaders(get: (name: string) => string | null): MapHeaders {
  const kind = get("Leadline-Kind") ?? "";
  const [quantity, ambiguity] = kind.split("/");
  if (!QUANTITIES.includes(quantity) || !AMBIGUITIES.includes(ambiguity)) {
    throw new Error(
      `The reply's kind is ${kind || "missing"}: is this a leadline server of the same version? Reload the page.`,
    );
  }
  const size = /^(\d+)x(\d+)$/.exec(get("Leadline-Size") ?? "");
  if (!size) throw new Error("The reply doesn't say the map's size: is this a leadline server of the same version?");
  const width = Number(size[2]);
  return {
    kind,
    quantity: quantity as Quantity,
    ambiguity: ambiguity as Ambiguity,
    unit: get("Leadline-Unit") ?? "none",
    width,
    height: Number(size[1]),
    camera: readCamera(get("Leadline-Camera"), width),
    model: get("Leadline-Model") ?? "",
    version: get("Leadline-Version") ?? "",
    notes: readNotes(get("Leadline-Notes")),
  };
}

function readCamera(text: string | null, width: number): Camera {
  const data = (parse(text) ?? {}) as { focal_px?: unknown; fov_deg?: unknown; source?: unknown };
  const focalPx = typeof data.focal_px === "number" ? data.focal_px : null;
  const told = typeof data.fov_deg === "number" ? data.fov_deg : null;
  return {
    focalPx,
    fovDeg: told ?? (focalPx === null ? null : fovFromFocal(focalPx, width)),
    source: typeof data.source === "string" ? data.source : "none",
  };
}

function readNotes(text: string | null): readonly string[] {
  const notes = parse(text);
  return Array.isArray(notes) ? notes.filter((note): note is string => typeof note === "string") : [];
}

function parse(text: string | null): unknown {
  if (text === null || text === "") return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** Little-endian float32 of a reply, whatever the machine's own order. */
export function readFloats(body: ArrayBuffer, count: number): Float32Array {
  if (body.byteLength !== 4 * count) {
    throw new Error(`The reply has ${body.byteLength} bytes, expected ${4 * count}: the answer was cut off, try again.`);
  }
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1) return new Float32Array(body);
  const view = new DataView(body);
  return Float32Array.from({ length: count }, (_, i) => view.getFloat32(4 * i, true));
}
