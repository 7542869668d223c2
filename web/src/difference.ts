/** What changed between two maps of one kind. */

import { percentile } from "./colour";
import { largerIsCloser, type DepthResult } from "./depth";

type Map2D = Pick<DepthResult, "values" | "width" | "height" | "quantity">;

/** Orange where it came closer, blue where it went farther, white where nothing changed; told apart by the colour-blind. */
export function colouriseDifference(before: Map2D, after: Map2D, limit: number, pixels: Uint8ClampedArray): void {
  const sign = largerIsCloser(after) ? 1 : -1;
  for (let i = 0, at = 0; i < after.values.length; i++, at += 4) {
    const change = (sign * (after.values[i] - before.values[i])) / limit;
    pixels[at + 3] = 255;
    if (!Number.isFinite(change)) {
      pixels.fill(118, at, at + 3);
      continue;
    }
    const strength = Math.min(1, Math.abs(change));
    const [red, green, blue] = change > 0 ? [217, 95, 2] : [33, 102, 172];
    pixels[at] = 247 + (red - 247) * strength;
    pixels[at + 1] = 247 + (green - 247) * strength;
    pixels[at + 2] = 247 + (blue - 247) * strength;
  }
}

/** The change that gets full colour: nearly the largest, and never less than a hundredth of the map's own range. */
export function differenceLimit(before: Map2D, after: Map2D): number {
  const step = Math.max(1, Math.floor(after.values.length / 100_000));
  const changes: number[] = [];
  const values: number[] = [];
  for (let i = 0; i < after.values.length; i += step) {
    const change = Math.abs(after.values[i] - before.values[i]);
    if (Number.isFinite(change)) {
      changes.push(change);
      values.push(after.values[i]);
    }
  }
  changes.sort((a, b) => a - b);
  values.sort((a, b) => a - b);
  const range = percentile(values, 99) - percentile(values, 1);
  return Math.max(percentile(changes, 99.5), 0.01 * range) || 1;
}

/** Draw the change into a canvas of the map's own size. */
export function drawDifference(canvas: HTMLCanvasElement, before: Map2D, after: Map2D): void {
  canvas.width = after.width;
  canvas.height = after.height;
  const context = canvas.getContext("2d");
  if (!context) return;
  const picture = context.createImageData(after.width, after.height);
  colouriseDifference(before, after, differenceLimit(before, after), picture.data);
  context.putImageData(picture, 0, 0);
}
