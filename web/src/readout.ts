/** The sentence under the pointer. No DOM here. */

import { rankOf } from "./colour";
import { largerIsCloser, valueAt, type DepthResult } from "./depth";
import { format, unitOf } from "./legend";

export interface Readout {
  readonly x: number;
  readonly y: number;
  readonly value: number;
  /** What to show large: the value with its unit. */
  readonly main: string;
  /** What it means, or how it compares. */
  readonly extra: string;
}

/** What the map says at the pixel nearest to (x, y). */
export function readAt(result: DepthResult, sorted: ArrayLike<number>, x: number, y: number): Readout {
  const at = { x: Math.round(x), y: Math.round(y) };
  const value = valueAt(result, at.x, at.y);
  if (!Number.isFinite(value)) return { ...at, value, main: "no value here", extra: "" };
  const unit = unitOf(result);
  const main = unit === "" ? format(value) : `${format(value)} ${unit}`;
  if (result.ambiguity === "metric") {
    if (result.quantity !== "disparity") return { ...at, value, main, extra: "" };
    return { ...at, value, main: value > 0 ? `${format(1 / value)} m` : "infinitely far", extra: main };
  }
  const farther = largerIsCloser(result) ? rankOf(sorted, value) : 1 - rankOf(sorted, value, true);
  const share = Math.round(100 * farther);
  return { ...at, value, main, extra: `closer than ${share} % of the picture` };
}

/** The same as one sentence for a screen reader. */
export function sayReadout({ x, y, main, extra }: Readout): string {
  return `Column ${x}, row ${y}: ${main}${extra === "" ? "" : `, ${extra}`}.`;
}
