/** Colours of maps: near is bright, no value is grey. The same rules as leadline's preview files. */

import { TABLES } from "./colour_tables";
import { largerIsCloser, type DepthResult } from "./depth";

/** In the order of the menu. */
export const COLORMAPS: readonly { readonly name: string; readonly label: string }[] = [
  { name: "inferno", label: "Inferno" },
  { name: "magma", label: "Magma" },
  { name: "viridis", label: "Viridis (colour-blind-safe)" },
  { name: "cividis", label: "Cividis (colour-blind-safe)" },
  { name: "plasma", label: "Plasma" },
  { name: "turbo", label: "Turbo" },
  { name: "grey", label: "Grey" },
];

type Map2D = Pick<DepthResult, "values" | "width" | "height" | "quantity">;

const decoded = new Map<string, Uint8Array>();

/** 256 sRGB triples: row 0 for no value, rows 1 to 255 from far (dark) to near (bright). */
export function colourTable(name: string): Uint8Array {
  const known = decoded.get(name);
  if (known) return known;
  const text = TABLES[name];
  if (text === undefined) throw new Error(`unknown colour map ${name}: expected one of ${Object.keys(TABLES).join(", ")}`);
  const table = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  decoded.set(name, table);
  return table;
}

/** At most about `limit` valid values, evenly taken from rows and columns, sorted. */
export function sortedSample(map: Omit<Map2D, "quantity">, limit = 200_000): Float32Array {
  const step = Math.max(1, Math.floor(Math.sqrt(map.values.length / limit)));
  const taken = sample(map, step);
  return (taken.length > 0 || step === 1 ? taken : sample(map, 1)).sort();
}

function sample(map: Omit<Map2D, "quantity">, step: number): Float32Array {
  const taken = new Float32Array(Math.ceil(map.width / step) * Math.ceil(map.height / step));
  let count = 0;
  for (let y = 0; y < map.height; y += step) {
    for (let x = 0; x < map.width; x += step) {
      const value = map.values[y * map.width + x];
      if (Number.isFinite(value)) taken[count++] = value;
    }
  }
  return taken.slice(0, count);
}

/** The value below which `percent` of the sorted values lie, with linear interpolation. */
export function percentile(sorted: ArrayLike<number>, percent: number): number {
  if (sorted.length === 0) return Number.NaN;
  const place = ((sorted.length - 1) * percent) / 100;
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/** The share of sorted values that are smaller than `value`, or with `equalToo` not larger, 0..1. */
export function rankOf(sorted: ArrayLike<number>, value: number, equalToo = false): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value || (equalToo && sorted[middle] === value)) low = middle + 1;
    else high = middle;
  }
  return sorted.length === 0 ? Number.NaN : low / sorted.length;
}

/** The values between which nearly all of the map lies (0.5 and 99.5 percentiles), low < high. */
export function robustRange(sorted: ArrayLike<number>): [number, number] {
  if (sorted.length === 0) return [0, 1];
  const low = percentile(sorted, 0.5);
  const high = percentile(sorted, 99.5);
  if (high - low > 1e-6 * Math.abs(low)) return [low, high];
  const half = (Math.abs(low) || 1) / 2;
  return [low - half, high + half];
}

/** Fill `pixels` (RGBA, as many as the map has) with colours linear in the map's own numbers. */
export function colourise(map: Map2D, colormap: string, low: number, high: number, pixels: Uint8ClampedArray): void {
  const table = colourTable(colormap);
  const [near, far] = largerIsCloser(map) ? [high, low] : [low, high];
  const gain = 254 / (near - far);
  const { values } = map;
  for (let i = 0, at = 0; i < values.length; i++, at += 4) {
    const value = values[i];
    let level = 0;
    if (Number.isFinite(value)) level = Math.min(255, Math.max(1, Math.round(1 + gain * (value - far))));
    pixels[at] = table[3 * level];
    pixels[at + 1] = table[3 * level + 1];
    pixels[at + 2] = table[3 * level + 2];
    pixels[at + 3] = 255;
  }
}

/** Draw the map into a canvas of the map's own size. */
export function paint(canvas: HTMLCanvasElement, map: Map2D, colormap: string, low: number, high: number): void {
  if (canvas.width !== map.width) canvas.width = map.width;
  if (canvas.height !== map.height) canvas.height = map.height;
  const context = canvas.getContext("2d");
  if (!context) return;
  const picture = context.createImageData(map.width, map.height);
  colourise(map, colormap, low, high, picture.data);
  context.putImageData(picture, 0, 0);
}

/** How many sorted values fall into each of `bins` equal parts of low..high; values outside are left out. */
export function histogram(sorted: ArrayLike<number>, low: number, high: number, bins: number): Uint32Array {
  const counts = new Uint32Array(bins);
  const gain = bins / (high - low);
  for (let i = 0; i < sorted.length; i++) {
    const bin = Math.floor((sorted[i] - low) * gain);
    if (bin >= 0 && bin < bins) counts[bin]++;
    else if (sorted[i] === high) counts[bins - 1]++;
  }
  return counts;
}
