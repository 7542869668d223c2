/**
 * From a map to distances along the view axis, and a plain sentence about what they are worth.
 *
 * Metric and scale-invariant maps have one shape. An affine-invariant map has none: 1 / (d + shift) bends with the unknown
 * shift, so a shift is chosen that puts the far end `strength` times as far as the near end.
 */

import { type DepthResult, largerIsCloser } from "../depth";
import { type Lens, rayLength } from "./lens";
import { percentiles } from "./percentile";

/** Shown far end over near end where the map doesn't say (the same as in the PLY and GLB files). */
export const DEFAULT_STRENGTH = 10;
export const STRENGTHS = [1.5, 40] as const;
/** The ends of a map without a known shift: this share of the values lies outside on either side. */
const ENDS = 0.02;
/** Points farther than this many times the middle distance are left out: sky, and disparities close to zero. */
const FARTHEST = 30;

export interface Shape {
  /** Distance along the view axis, rows from the top; NaN where there is no point. */
  readonly z: Float32Array;
  /** Whether z is in metres. */
  readonly metric: boolean;
  /** Whether the shape depends on the chosen strength. */
  readonly guessed: boolean;
  /** How many points were too far to be shown. */
  readonly leftOut: number;
  readonly sentence: string;
}

/** Whether the map's shift is unknown, so that it has no shape of its own. */
export function shapeIsUnknown(result: Pick<DepthResult, "ambiguity">): boolean {
  return result.ambiguity === "affine_invariant" || result.ambiguity === "ordinal";
}

/** Distances for the 3D view. Those that aren't metric have a middle value of 1. */
export function shapeOf(result: DepthResult, lens: Lens, strength: number = DEFAULT_STRENGTH): Shape {
  const guessed = shapeIsUnknown(result);
  const metric = result.ambiguity === "metric" && result.quantity !== "pixel_disparity";
  const z = guessed ? stretched(result, strength) : converted(result);
  if (result.quantity === "ray_distance") toViewAxis(z, result, lens);
  const middle = percentiles(z, [0.5])[0];
  let leftOut = 0;
  for (let i = 0; i < z.length; i++) {
    if (z[i] > FARTHEST * middle) {
      z[i] = Number.NaN;
      leftOut++;
    } else if (!metric) z[i] /= middle;
  }
  return { z, metric, guessed, leftOut, sentence: sentenceFor(result, metric, guessed) };
}

function converted(result: DepthResult): Float32Array {
  const z = new Float32Array(result.values.length);
  const invert = largerIsCloser(result);
  for (let i = 0; i < z.length; i++) {
    const value = result.values[i];
    z[i] = value > 0 ? (invert ? 1 / value : value) : Number.NaN;
  }
  return z;
}

function stretched(result: DepthResult, strength: number): Float32Array {
  const [low, high] = percentiles(result.values, [ENDS, 1 - ENDS]);
  const span = high - low > 1e-6 * Math.abs(low) ? high - low : 1; // a flat map becomes a flat wall
  const closer = largerIsCloser(result);
  const farthest = 1 / strength;
  const z = new Float32Array(result.values.length);
  for (let i = 0; i < z.length; i++) {
    const share = (result.values[i] - low) / span;
    // What lies beyond the far end is put there; what lies before the near end comes a little closer still.
    if (closer) z[i] = 1 / (farthest + (1 - farthest) * Math.min(1.5, Math.max(0, share)));
    else z[i] = 1 + (strength - 1) * Math.min(1, Math.max(0, share));
    if (Number.isNaN(share)) z[i] = Number.NaN;
  }
  return z;
}

function toViewAxis(z: Float32Array, result: DepthResult, lens: Lens): void {
  for (let row = 0, i = 0; row < result.height; row++) {
    for (let column = 0; column < result.width; column++, i++) z[i] /= rayLength(lens, column, row);
  }
}

function sentenceFor(result: DepthResult, metric: boolean, guessed: boolean): string {
  if (guessed) return "How deep this shape is, is a guess until a distance is known: set one under Measure.";
  if (metric) return "Distances are in metres.";
  if (result.quantity === "pixel_disparity") return "The shape is true up to its size, which focal length and baseline fix.";
  return "The shape is true up to its size: one known distance under Measure fixes it.";
}
