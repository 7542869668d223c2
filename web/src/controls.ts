/** The side of a result: colours and range, camera, and what the server says of it. */

import { COLORMAPS, colourTable, percentile } from "./colour";
import { fovFromFocal, focalFromFov } from "./depth";
import { h } from "./dom";
import { format, titleOf, unitOf } from "./legend";
import type { Store } from "./store";

export function card(title: string, testid: string, ...children: (Node | string)[]): HTMLElement {
  return h("section", { class: "card", "data-testid": testid, "aria-label": title }, h("h2", {}, title), ...children);
}

/** Colour map and range. */
export function coloursCard(store: Store): HTMLElement {
  const swatch = h("canvas", { class: "swatch", width: 255, height: 1, "aria-hidden": "true" });
  const choice = h(
    "select",
    { "data-testid": "colormap", change: () => store.setView({ colormap: choice.value }) },
    ...COLORMAPS.map(({ name, label }) => h("option", { value: name }, label)),
  );
  const auto = h("input", {
    type: "checkbox",
    "data-testid": "range-auto",
    change: () => store.setView({ auto: auto.checked }),
  });
  const ends = (["low", "high"] as const).map((end) => {
    const number = h("input", {
      type: "number",
      step: "any",
      "data-testid": `range-${end}`,
      "aria-label": `${end === "low" ? "Lowest" : "Highest"} value shown`,
    });
    const slider = h("input", {
      type: "range",
      min: 0,
      max: 1000,
      "aria-label": `${end === "low" ? "Lowest" : "Highest"} value shown, slider`,
    });
    const apply = (value: number): void => {
      const { low, high } = store.view;
      const fits = Number.isFinite(value) && (end === "low" ? value < high : value > low);
      if (fits) store.setView({ auto: false, [end]: value });
      else refresh();
    };
    number.addEventListener("change", () => apply(number.valueAsNumber));
    slider.addEventListener("input", () => apply(spread(store, slider.valueAsNumber / 1000)));
    return { end, number, slider };
  });
  const refresh = (): void => {
    const { colormap, low, high } = store.view;
    choice.value = colormap;
    auto.checked = store.view.auto;
    for (const { end, number, slider } of ends) {
      const value = end === "low" ? low : high;
      if (document.activeElement !== number || number.valueAsNumber !== value) number.value = format(value, high - low);
      slider.value = String(1000 * share(store, value));
    }
    const context = swatch.getContext("2d");
    const pixels = context?.createImageData(255, 1);
    if (!context || !pixels) return;
    const table = colourTable(colormap);
    for (let i = 0; i < 255; i++) pixels.data.set([...table.subarray(3 * i + 3, 3 * i + 6), 255], 4 * i);
    context.putImageData(pixels, 0, 0);
  };
  store.on("view", refresh);
  return card(
    "Colours",
    "colours",
    h("label", { class: "field tall" }, h("span", {}, "Colour map"), choice),
    swatch,
    h("label", { class: "check" }, auto, "Fit to the picture"),
    ...ends.map(({ end, number, slider }) =>
      h("div", { class: "range" }, h("span", { "aria-hidden": "true" }, end === "low" ? "From" : "To"), slider, number),
    ),
  );
}

/** The slider's ends: the map's values without its wildest ones, and some room. */
function room(store: Store): [number, number] {
  const low = percentile(store.sorted, 0);
  const high = percentile(store.sorted, 99.9);
  return high > low ? [low, high + 0.05 * (high - low)] : [low - 1, low + 1];
}

function share(store: Store, value: number): number {
  const [low, high] = room(store);
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}

function spread(store: Store, part: number): number {
  const [low, high] = room(store);
  return low + part * (high - low);
}

const SOURCES: Readonly<Record<string, string>> = {
  exif: "From the photo's own data.",
  given: "Set by you.",
  assumed: "Assumed: the photo doesn't say. Angles and lengths in 3D depend on it.",
  none: "Unknown: the photo doesn't say. Angles and lengths in 3D depend on it.",
};
/** Where neither photo nor server know: a phone's main camera is about as wide. */
const USUAL_FOV = 60;

/** Field of view and focal length: two names of one thing, kept here, asked of no one. */
export function cameraCard(store: Store): HTMLElement {
  const slider = h("input", {
    type: "range",
    min: 15,
    max: 130,
    step: 0.5,
    "aria-label": "Horizontal field of view in degrees",
    "data-testid": "fov",
  });
  const shown = h("output", {});
  const focal = h("input", { type: "number", min: 1, step: "any", class: "short", "data-testid": "focal" });
  const words = h("p", { class: "hint" });
  slider.addEventListener("input", () => store.setFieldOfView(slider.valueAsNumber));
  focal.addEventListener("change", () => {
    const item = store.current;
    if (item && focal.valueAsNumber > 0) store.setFieldOfView(fovFromFocal(focal.valueAsNumber, item.pictureWidth));
  });
  store.on("result", () => {
    const item = store.current;
    if (!item) return;
    const { camera } = item.result;
    const fov = camera.fovDeg ?? USUAL_FOV;
    slider.value = String(fov);
    shown.textContent = `${fov.toFixed(0)}\u00b0`;
    focal.value = focalFromFov(fov, item.pictureWidth).toFixed(0);
    words.textContent = SOURCES[camera.fovDeg === null ? "none" : camera.source] ?? "";
  });
  return card(
    "Camera",
    "camera",
    h("div", { class: "range" }, h("span", {}, "Field of view"), slider, shown),
    h("label", { class: "field" }, h("span", {}, "Focal length, pixels"), focal),
    words,
  );
}

/** Kind, unit, size, network, and every note of the server. */
export function resultCard(store: Store): HTMLElement {
  const facts = h("dl", { class: "facts" });
  const notes = h("ul", { class: "notes", "data-testid": "notes" });
  store.on("result", () => {
    const result = store.current?.result;
    if (!result) return;
    const [low, high] = [percentile(store.sorted, 0), percentile(store.sorted, 100)];
    const range = store.sorted.length === 0 ? "none" : `${format(low, high - low)} to ${format(high, high - low)}`;
    const rows: [string, string][] = [
      ["Shows", titleOf(result)],
      ["Kind", result.kind],
      ["Unit", unitOf(result) || "none"],
      ["Range", range],
      ["Size", `${result.width} \u00d7 ${result.height}`],
      ["Network", result.model],
    ];
    facts.replaceChildren(...rows.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]));
    notes.replaceChildren(...result.notes.map((note) => h("li", {}, note)));
    notes.hidden = result.notes.length === 0;
  });
  return card("This map", "facts", facts, notes);
}
