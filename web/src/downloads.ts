/** Every format of the current result, asked of the server with the options in use. */

import { card } from "./controls";
import { h, icon, ICONS, saveBlob } from "./dom";
import { download } from "./predict";
import type { Store } from "./store";

interface Format {
  readonly output: string;
  readonly label: string;
  readonly ending: string;
  readonly about: string;
}

export const FORMATS: readonly Format[] = [
  { output: "png16", label: "PNG", ending: "_depth.png", about: "16 bits, scale and kind in its header" },
  { output: "npz", label: "NPZ", ending: "_depth.npz", about: "NumPy, float32" },
  { output: "exr", label: "EXR", ending: "_depth.exr", about: "OpenEXR, float32" },
  { output: "pfm", label: "PFM", ending: "_depth.pfm", about: "Portable float map" },
  { output: "tiff", label: "TIFF", ending: "_depth.tiff", about: "float32" },
  { output: "preview", label: "Preview", ending: "_preview.png", about: "Picture in the colours chosen" },
  { output: "ply", label: "PLY", ending: "_points.ply", about: "Coloured points" },
  { output: "glb", label: "GLB", ending: "_points.glb", about: "Coloured points, for 3D viewers" },
];

/** A file's name without its ending and without what file systems refuse. */
export function stemOf(name: string): string {
  return (
    name
      .replace(/\.[a-z0-9]{1,5}$/i, "")
      .replace(/[^\p{L}\p{N}._ -]+/gu, "_")
      .trim() || "depth"
  );
}

export function downloadsCard(store: Store, fail: (error: unknown) => void): HTMLElement {
  const asShown = h("input", { type: "checkbox", "data-testid": "download-as-shown" });
  const buttons = FORMATS.map(({ output, label, ending, about }) =>
    h(
      "button",
      {
        type: "button",
        class: "format",
        title: about,
        "aria-label": `Download ${label}: ${about}`,
        "data-testid": `download-${output}`,
        click: async () => {
          const item = store.current;
          if (!item) return;
          try {
            saveBlob(await download(store, item, output, asShown.checked), stemOf(item.source.name) + ending);
          } catch (error) {
            fail(error);
          }
        },
      },
      icon(ICONS.download, 16),
      label,
    ),
  );
  const size = h("span", {});
  const words = h("p", { class: "hint" });
  const row = h("label", { class: "check" }, asShown, size);
  store.on("result", () => {
    const item = store.current;
    if (!item) return;
    const { result } = item;
    size.textContent = `Small: ${result.width} \u00d7 ${result.height} instead of ${item.pictureWidth} \u00d7 ${item.pictureHeight}`;
    row.hidden = item.source.kind !== "photo" || result.width >= item.pictureWidth;
    if (row.hidden) asShown.checked = false;
    const used: string[] = [];
    if (result.known && result.known.length > 0)
      used.push(result.known.length === 1 ? "the known distance" : `${result.known.length} known distances`);
    if (item.fix) used.push("the marked glass");
    words.textContent = used.length === 0 ? "" : `Made with ${used.join(" and ")}.`;
  });
  store.on("busy", () => buttons.forEach((button) => (button.disabled = store.busy !== null)));
  return card("Download", "downloads", h("div", { class: "formats" }, ...buttons), row, words);
}
