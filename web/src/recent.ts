/** The last twelve results of this session, in memory alone. */

import { paint, robustRange, sortedSample } from "./colour";
import { h, icon, ICONS } from "./dom";
import type { Item, Store } from "./store";

const SIDE = 112;

function thumbnail(item: Item, colormap: string): HTMLCanvasElement {
  const { result } = item;
  const scale = SIDE / Math.max(result.width, result.height);
  const width = Math.max(1, Math.round(result.width * scale));
  const height = Math.max(1, Math.round(result.height * scale));
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      values[y * width + x] = result.values[Math.floor((y + 0.5) / scale) * result.width + Math.floor((x + 0.5) / scale)];
    }
  }
  const small = { values, width, height, quantity: result.quantity };
  const map = h("canvas", { "aria-hidden": "true" });
  paint(map, small, colormap, ...robustRange(sortedSample(small)));
  const context = map.getContext("2d");
  if (context) {
    // The photo in the left half, as the result itself is shown at first.
    const half = Math.round(width / 2);
    context.drawImage(result.image, 0, 0, result.image.width * (half / width), result.image.height, 0, 0, half, height);
  }
  return map;
}

export function recentStrip(store: Store): HTMLElement {
  const list = h("ul", { class: "strip" });
  const section = h(
    "section",
    { class: "recent", hidden: true, "aria-label": "Recent results", "data-testid": "recent" },
    h("h2", {}, "Recent"),
    list,
  );
  const drawn = new Map<Item, { values: Float32Array; thumb: HTMLCanvasElement }>();
  const refresh = (): void => {
    section.hidden = store.items.length === 0;
    for (const item of drawn.keys()) if (!store.items.includes(item)) drawn.delete(item);
    list.replaceChildren(
      ...store.items.map((item) => {
        let entry = drawn.get(item);
        if (entry?.values !== item.result.values) {
          entry = { values: item.result.values, thumb: thumbnail(item, store.view.colormap) };
          drawn.set(item, entry);
        }
        const open = item === store.current;
        return h(
          "li",
          {},
          h(
            "button",
            {
              type: "button",
              class: "thumb",
              "aria-current": open ? "true" : null,
              "aria-label": `Open ${item.source.name}`,
              title: item.source.name,
              click: () => store.open(item),
            },
            entry.thumb,
          ),
          h(
            "button",
            { type: "button", class: "remove", "aria-label": `Remove ${item.source.name}`, click: () => store.remove(item) },
            icon(ICONS.close, 14),
          ),
        );
      }),
    );
  };
  store.on("items", refresh);
  return section;
}
