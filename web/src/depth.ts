/**
 * What the page knows about one predicted map.
 *
 * `values` has `height * width` numbers, rows from the top; NaN means no value. Pixels are counted from
 * 0; the centre of pixel (x, y) lies at (x + 0.5, y + 0.5) from the picture's corner, as everywhere in leadline.
 */

export type Quantity = "depth" | "ray_distance" | "disparity" | "pixel_disparity";
export type Ambiguity = "metric" | "scale_invariant" | "affine_invariant" | "ordinal";

export interface Camera {
  /** Focal length in pixels of width x height, or null. */
  readonly focalPx: number | null;
  /** Horizontal field of view in degrees, or null. */
  readonly fovDeg: number | null;
  /** "given", "exif", "assumed" or "none". */
  readonly source: string;
}

/** A point whose distance along the view axis is known: x, y in pixels of the map, metres from the camera. */
export interface KnownPoint {
  readonly x: number;
  readonly y: number;
  readonly metres: number;
}

export interface DepthResult {
  readonly id: string;
  readonly name: string;
  readonly width: number;
  readonly height: number;
  /** Rows from the top; NaN = none. */
  readonly values: Float32Array;
  /** As the server writes it, for example "disparity/affine_invariant". */
  readonly kind: string;
  /** "m", "1/m", "px" or "none". */
  readonly unit: string;
  readonly quantity: Quantity;
  readonly ambiguity: Ambiguity;
  readonly camera: Camera;
  readonly model: string;
  readonly version: string;
  readonly notes: readonly string[];
  /** The picture as shown, EXIF rotation applied; may be larger than the map, same shape. */
  readonly image: ImageBitmap;
  /** The points that made it metric, in pixels of the map; downloads send them as `known`. */
  readonly known?: readonly KnownPoint[];
  /** The map before it was made metric. */
  readonly before?: DepthResult;
}

/** True where a larger number means closer. */
export function largerIsCloser(result: Pick<DepthResult, "quantity">): boolean {
  return result.quantity === "disparity" || result.quantity === "pixel_disparity";
}

/** The value at the pixel nearest to (x, y), or NaN outside the map. */
export function valueAt(result: Pick<DepthResult, "values" | "width" | "height">, x: number, y: number): number {
  const column = Math.round(x);
  const row = Math.round(y);
  if (column < 0 || row < 0 || column >= result.width || row >= result.height) return Number.NaN;
  return result.values[row * result.width + column];
}

/** Focal length in pixels from the horizontal field of view. */
export function focalFromFov(fovDeg: number, width: number): number {
  return width / 2 / Math.tan((fovDeg * Math.PI) / 360);
}

/** Horizontal field of view in degrees from the focal length in pixels. */
export function fovFromFocal(focalPx: number, width: number): number {
  return (2 * Math.atan(width / 2 / focalPx) * 180) / Math.PI;
}
