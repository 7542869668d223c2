/** What the colours and numbers mean, in words and ticks. A map without metres is never called depth. */

import { colourTable, histogram, percentile } from "./colour";
import { largerIsCloser, type DepthResult } from "./depth";
import { h } from "./dom";

type Meaning = Pick<DepthResult, "quantity" | "ambiguity" | "unit">;

/** A short title of what is shown. */
export function titleOf(result: Meaning): string {
  if (result.ambiguity === "ordinal") return "Order from close to far";
  if (result.quantity === "pixel_disparity") return "Shift between the two pictures";
  const metric = result.ambiguity === "metric";
  if (result.quantity === "disparity") return metric ? "Inverse distance" : "Relative inverse distance";
  if (result.quantity === "ray_distance") return metric ? "Distance from the camera" : "Relative distance from the camera";
  return metric ? "Depth" : "Relative distance";
}

/** One sentence on what may be read from the numbers. */
export function sentenceOfKind(result: Meaning): string {
  switch (result.ambiguity) {
    case "metric":
      if (result.quantity === "pixel_disparity") return "In pixels: a larger shift is closer.";
      if (result.quantity === "disparity") return "Colours follow 1/m; the numbers are metres along the view axis.";
      if (result.quantity === "ray_distance") return "In metres from the camera's centre.";
      return "In metres along the view axis.";
    case "scale_invariant":
      return (
        "Closer \u2194 farther, no metres yet: twice the number is " +
        (largerIsCloser(result) ? "half as far." : "twice as far.")
      );
    case "affine_invariant":
      return "Closer \u2194 farther, no metres yet: scale and zero point are unknown.";
    case "ordinal":
      return "Only the order is meant: no metres, no ratios.";
  }
}

/** The unit after a number, or nothing. */
export function unitOf(result: Meaning): string {
  return result.ambiguity === "metric" && result.unit !== "none" ? result.unit : "";
}

/** Round numbers between low and high, about `count` of them, ascending. */
export function ticks(low: number, high: number, count: number): number[] {
  if (!(high > low) || !Number.isFinite(high - low)) return [];
  const rough = (high - low) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough * 0.999) ?? 10 * power;
  const found: number[] = [];
  for (let place = Math.ceil(low / step - 1e-9); place * step <= high + step * 1e-9; place++) {
    found.push(Number((place * step).toPrecision(12)));
  }
  return found;
}

/** A number with about four meaningful digits, for people; what is nothing beside `among`, the span of all, is 0. */
export function format(value: number, among = 0): string {
  if (!Number.isFinite(value)) return "none";
  if (Math.abs(value) < 1e-5 * among) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || (size > 0 && size < 1e-3)) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

/** Values of a metric map to mark on its bar, with their words; those of inverse distances are round in metres. */
export function labels(result: Meaning, low: number, high: number): { readonly value: number; readonly words: string }[] {
  if (result.ambiguity !== "metric" || result.quantity !== "disparity") {
    const unit = unitOf(result);
    return ticks(low, high, 5).map((value) => ({ value, words: unit === "" ? format(value) : `${format(value)} ${unit}` }));
  }
  const found: { value: number; words: string }[] = [];
  for (let power = -3; power < 5; power++) {
    for (const digit of [1, 1.5, 2, 3, 5, 7]) {
      const metres = digit * 10 ** power;
      const value = 1 / metres;
      const last = found[found.length - 1];
      const apart = last ? (last.value - value) / (high - low) : 1;
      if (value >= low && value <= high && apart > 0.09) found.push({ value, words: `${format(metres)} m` });
    }
  }
  return found;
}

/** Where a value lies on the bar: 0 at the far end (left), 1 at the near end (right). */
export function placeOf(result: Pick<DepthResult, "quantity">, value: number, low: number, high: number): number {
  const share = (value - low) / (high - low);
  return largerIsCloser(result) ? share : 1 - share;
}

/** The bar under the picture: colours from far to near, ticks, and how often each value occurs. */
export class Legend {
  readonly element: HTMLElement;
  private readonly bar = h("canvas", { class: "legend-bar", width: 512, height: 44, "aria-hidden": "true" });
  private readonly scale = h("div", { class: "legend-ticks", "aria-hidden": "true" });
  private readonly title = h("strong", { "data-testid": "legend-title" });
  private readonly words = h("span", { "data-testid": "legend-words" });
  private readonly missing = h("span", { class: "legend-missing" }, h("span", { class: "missing-swatch" }), "no value");
  private readonly marker = h("div", { class: "legend-marker", hidden: true });

  constructor() {
    this.element = h(
      "div",
      { class: "legend", role: "group", "aria-label": "Legend", "data-testid": "legend" },
      h("p", { class: "legend-title" }, this.title, " ", this.words),
      h("div", { class: "legend-strip" }, this.bar, this.marker),
      this.scale,
      h("div", { class: "legend-ends" }, h("span", {}, "farther"), this.missing, h("span", {}, "closer")),
    );
  }

  show(result: DepthResult, sorted: ArrayLike<number>, colormap: string, low: number, high: number): void {
    this.title.textContent = titleOf(result);
    this.words.textContent = sentenceOfKind(result);
    this.missing.hidden = result.values.every(Number.isFinite);
    this.missing.classList.toggle("black", colormap === "grey");
    this.drawBar(result, sorted, colormap, low, high);
    this.scale.replaceChildren(
      ...labels(result, low, high).map(({ value, words }) => {
        const tick = h("span", { class: "tick" }, words);
        tick.style.left = `${100 * placeOf(result, value, low, high)}%`;
        return tick;
      }),
    );
  }

  /** Point at a value on the bar; NaN hides the marker. */
  mark(result: DepthResult, value: number, low: number, high: number): void {
    this.marker.hidden = !Number.isFinite(value);
    if (this.marker.hidden) return;
    this.marker.style.left = `${100 * Math.min(1, Math.max(0, placeOf(result, value, low, high)))}%`;
  }

  private drawBar(result: DepthResult, sorted: ArrayLike<number>, colormap: string, low: number, high: number): void {
    const context = this.bar.getContext("2d");
    if (!context) return;
    const { width, height } = this.bar;
    const table = colourTable(colormap);
    const counts = histogram(sorted, low, high, 128);
    // A sky or a wall of one value would leave nothing to see of the rest.
    const most = Math.max(1, percentile(counts.slice().sort(), 96));
    const grey = getComputedStyle(this.bar).color;
    context.clearRect(0, 0, width, height);
    for (let x = 0; x < width; x++) {
      const level = 1 + Math.round((254 * x) / (width - 1));
      context.fillStyle = `rgb(${table[3 * level]},${table[3 * level + 1]},${table[3 * level + 2]})`;
      context.fillRect(x, height - 16, 1, 16);
      const place = x / width;
      const bin = Math.floor((largerIsCloser(result) ? place : 1 - place - 1e-9) * 128);
      const tall = Math.min(1, Math.sqrt(counts[Math.max(0, bin)] / most)) * (height - 19);
      context.fillStyle = grey;
      context.globalAlpha = 0.3;
      context.fillRect(x, height - 18 - tall, 1, tall);
      context.globalAlpha = 1;
    }
  }
}
