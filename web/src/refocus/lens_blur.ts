/**
 * The numbers of a shallow depth of field: how large a point's blur is, and where the blur is sampled.
 *
 * A thin lens spreads a point over a disc whose radius grows with |1/z - 1/z_focus| times the aperture (Potmesil and
 * Chakravarty 1981): linear in disparity, so that an unknown scale and shift of it only change what the slider means.
 */

import { type DepthResult, largerIsCloser } from "../depth";
import { lensOf } from "../scene/lens";
import { percentiles } from "../scene/percentile";
import { shapeIsUnknown, shapeOf } from "../scene/shape";

/** Signed radius in pixels: positive in front of the focus, negative behind, 0 on it; at most `largest`. */
export function circleOfConfusion(disparity: number, focus: number, aperture: number, largest: number): number {
  return Math.min(largest, Math.max(-largest, (disparity - focus) * aperture));
}

/** Disparity between 0 (far end) and 1 (near end); pixels without a value count as far away. */
export function relativeDisparity(result: DepthResult): Float32Array {
  const disparity = new Float32Array(result.values.length);
  if (largerIsCloser(result)) disparity.set(result.values);
  else {
    const z = shapeIsUnknown(result) ? shapeOf(result, lensOf(result)).z : result.values;
    for (let i = 0; i < z.length; i++) disparity[i] = z[i] > 0 ? 1 / z[i] : Number.NaN;
  }
  const [low, high] = percentiles(disparity, [0.005, 0.995]);
  const span = high > low ? high - low : 1;
  for (let i = 0; i < disparity.length; i++) {
    const share = (disparity[i] - low) / span;
    disparity[i] = Number.isNaN(share) ? 0 : Math.min(1, Math.max(0, share));
  }
  return disparity;
}

/** The middle disparity of the pixels around one: where a click puts the focus. */
export function focusAt(disparity: Float32Array, width: number, column: number, row: number, reach = 2): number {
  const height = disparity.length / width;
  const around: number[] = [];
  for (let y = Math.max(0, row - reach); y <= Math.min(height - 1, row + reach); y++) {
    for (let x = Math.max(0, column - reach); x <= Math.min(width - 1, column + reach); x++) around.push(disparity[y * width + x]);
  }
  around.sort((a, b) => a - b);
  return around[around.length >> 1];
}

/** The turn from one sample to the next that never lines them up (Vogel 1979). */
const GOLDEN_ANGLE = Math.PI * (3 - Math.sqrt(5));

/**
 * Samples of a disc of radius 1 along a spiral, each standing for a ring's share of the area.
 *
 * @param count how many.
 * @param crowding 1 spreads the samples evenly; above 1 they crowd in the middle. Seen from a pixel that is not blurred,
 *   foreground far away matters only if its own disc is as large, so coarse samples do there and small discs close by need
 *   fine ones.
 * @param blades corners of the aperture; below 3 it is round.
 * @returns four numbers a sample: x, y, distance from the middle before the blades cut it, and share of the disc's area.
 */
export function tapsOf(count: number, crowding: number, blades: number): Float32Array {
  const numbers = new Float32Array(4 * count);
  for (let i = 0; i < count; i++) {
    const inner = (i / count) ** crowding;
    const outer = ((i + 1) / count) ** crowding;
    const radius = Math.sqrt((inner + outer) / 2); // as much of the area that it stands for within as without
    const angle = i * GOLDEN_ANGLE;
    const reach = radius * bladeReach(angle, blades);
    numbers.set([Math.cos(angle) * reach, Math.sin(angle) * reach, radius, outer - inner], 4 * i);
  }
  return numbers;
}

/** How far an aperture of so many blades opens at an angle, if its corners lie at 1. */
export function bladeReach(angle: number, blades: number): number {
  if (blades < 3) return 1;
  const sector = (2 * Math.PI) / blades;
  const within = (((angle + Math.PI / 2) % sector) + sector) % sector; // a corner points up
  return Math.cos(sector / 2) / Math.cos(within - sector / 2);
}
