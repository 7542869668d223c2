/**
 * From known distances to metres: the fit, its refusals, and the map that comes of it.
 *
 * A disparity map is fitted where it is linear, in inverse metres: 1 / metres = scale * value + shift (Ranftl et al. 2020,
 * section 5); a depth map in metres. One point fixes the scale alone. Two points fix scale and shift exactly, more by least
 * squares. A map that is known up to its scale only never gets a shift: there every point speaks about one number, and
 * least squares is in inverse metres, so that near points, which are known best, count most.
 */

import { type DepthResult, type KnownPoint, largerIsCloser } from "../depth";
import { lensOf, rayLength } from "../scene/lens";
import { percentiles } from "../scene/percentile";

export interface Fit {
  readonly scale: number;
  readonly shift: number;
  /** Root mean square over the points of (fitted - known) / known distance. */
  readonly residual: number;
  /** How many points it rests on. */
  readonly used: number;
  /** The shift was taken as 0 for want of a second point. */
  readonly shiftAssumed: boolean;
}

export type Outcome = { readonly fit: Fit } | { readonly refusal: string };

/** Noise may carry the far end this far past infinity (as a share of the map's range); then those pixels have no value. */
const NOISE_SHARE = 0.02;
/** More pixels than this share beyond that, and the distances can't be right. */
const IMPOSSIBLE_SHARE = 0.001;
/** Two points whose values differ by less than this share of the range fix no shift. */
const SAME_VALUE_SHARE = 0.005;

/** The map that known distances refer to: the one before it was made metric. */
export function baseOf(result: DepthResult): DepthResult {
  return result.before === undefined ? result : { ...result.before, camera: result.camera };
}

/** Whether a distance between two points can be told in metres. */
export function isMetric(result: Pick<DepthResult, "ambiguity" | "quantity">): boolean {
  return result.ambiguity === "metric" && result.quantity !== "pixel_disparity";
}

/** Whether known distances have to fix a shift as well as the scale. */
export function needsShift(result: Pick<DepthResult, "ambiguity">): boolean {
  return result.ambiguity === "affine_invariant";
}

/** Distance along the view axis at a pixel, in metres if the map is metric; NaN where there is none. */
export function depthAt(result: DepthResult, column: number, row: number): number {
  const value = result.values[row * result.width + column];
  if (!(value > 0)) return Number.NaN;
  if (largerIsCloser(result)) return 1 / value;
  return result.quantity === "ray_distance" ? value / rayLength(lensOf(result), column, row) : value;
}

/**
 * Fit a map to points of known distance along the view axis.
 *
 * @param result the map before it was made metric.
 * @param points in pixels (column, row) of the map.
 */
export function fitKnown(result: DepthResult, points: readonly KnownPoint[]): Outcome {
  if (result.ambiguity === "ordinal") {
    return { refusal: "This map tells only what is closer and what is farther: no distance can make it metric." };
  }
  if (points.length === 0) return { refusal: "No distance is known yet: click a point and enter how far it is from the camera." };
  const values: number[] = [];
  const targets: number[] = [];
  const inverse = largerIsCloser(result);
  for (const { x, y, metres } of points) {
    const value = result.values[y * result.width + x];
    if (!(metres > 0 && Number.isFinite(metres))) {
      return { refusal: `A distance of ${metres} m: expected more than 0 metres.` };
    }
    if (!Number.isFinite(value)) return { refusal: `The map has no value at pixel ${x}, ${y}: choose a point beside it.` };
    values.push(value);
    const along = result.quantity === "ray_distance" ? metres * rayLength(lensOf(result), x, y) : metres;
    targets.push(inverse ? 1 / along : along);
  }
  const withShift = needsShift(result) && points.length > 1;
  const [low, high] = percentiles(result.values, [0, 1]);
  const solved = withShift ? scaleAndShift(values, targets, high - low) : scaleAlone(values, targets, inverse);
  if ("refusal" in solved) return solved;
  const refusal = impossible(result, solved.scale, solved.shift, needsShift(result) && !withShift);
  if (refusal !== null) return { refusal };
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const fitted = solved.scale * values[i] + solved.shift;
    const ratio = inverse ? targets[i] / fitted : fitted / targets[i]; // of the distances
    squares += (ratio - 1) ** 2;
  }
  return {
    fit: {
      ...solved,
      residual: Math.sqrt(squares / values.length),
      used: values.length,
      shiftAssumed: needsShift(result) && !withShift,
    },
  };
}

interface Solved {
  readonly scale: number;
  readonly shift: number;
}

function scaleAlone(values: readonly number[], targets: readonly number[], inverse: boolean): Solved | { refusal: string } {
  if (values.some((value) => value <= 0)) {
    return { refusal: "The map's value at this point is not above zero, so its scale alone says nothing: add a second distance." };
  }
  // The median of the ratios of distances, as the server takes it for a download.
  const ratios = values.map((value, i) => (inverse ? value / targets[i] : targets[i] / value)).sort((a, b) => a - b);
  const middle = ratios.length >> 1;
  const ratio = ratios.length % 2 ? ratios[middle] : (ratios[middle - 1] + ratios[middle]) / 2;
  return { scale: inverse ? 1 / ratio : ratio, shift: 0 };
}

function scaleAndShift(values: readonly number[], targets: readonly number[], range: number): Solved | { refusal: string } {
  const n = values.length;
  const meanValue = values.reduce((sum, value) => sum + value, 0) / n;
  const meanTarget = targets.reduce((sum, target) => sum + target, 0) / n;
  let product = 0;
  let square = 0;
  for (let i = 0; i < n; i++) {
    product += (values[i] - meanValue) * (targets[i] - meanTarget);
    square += (values[i] - meanValue) ** 2;
  }
  if (Math.max(...values) - Math.min(...values) <= SAME_VALUE_SHARE * range) {
    return { refusal: "The map sees these points equally far away, so they fix no shift: choose one near point and one far point." };
  }
  const scale = product / square;
  if (!(scale > 0)) {
    return {
      refusal:
        "The point that you say is farther is the one that the map sees closer: check the distances, or choose points farther apart.",
    };
  }
  return { scale, shift: meanTarget - scale * meanValue };
}

/** A sentence if the fitted map could not exist: a part of it would lie behind the camera or past infinity. */
function impossible(result: DepthResult, scale: number, shift: number, shiftAssumed: boolean): string | null {
  const [low, high] = percentiles(result.values, [0.02, 0.98]);
  const tolerated = -NOISE_SHARE * scale * (high - low);
  let count = 0;
  let total = 0;
  for (const value of result.values) {
    if (Number.isNaN(value)) continue;
    total++;
    if (scale * value + shift < tolerated) count++;
  }
  if (count <= IMPOSSIBLE_SHARE * total) return null;
  const where = largerIsCloser(result) ? "farther away than infinity" : "behind the camera";
  const next = shiftAssumed ? "add a second distance" : "check them, or add one of a point far away";
  return `With ${shiftAssumed ? "this distance" : "these distances"}, ${percent(count / total)} of the picture would lie ${where}: ${next}.`;
}

/**
 * The map in metres (or inverse metres): scale * value + shift, with the points that say so.
 *
 * Pixels that come out at or past infinity lose their value.
 */
export function makeMetric(result: DepthResult, scale: number, shift: number, known: readonly KnownPoint[] = []): DepthResult {
  const base = baseOf(result);
  const values = new Float32Array(base.values.length);
  for (let i = 0; i < values.length; i++) {
    const value = scale * base.values[i] + shift;
    values[i] = value > 0 ? value : Number.NaN;
  }
  const quantity = base.quantity === "pixel_disparity" ? "disparity" : base.quantity;
  const points = known.length === 1 ? "one known distance" : `${known.length} known distances`;
  return {
    ...base,
    values,
    quantity,
    ambiguity: "metric",
    kind: `${quantity}/metric`,
    unit: quantity === "disparity" ? "1/m" : "m",
    notes: [...base.notes, known.length > 0 ? `Made metric on this page from ${points}.` : "Made metric on this page."],
    known: [...known],
    before: base,
  };
}

/** The map as it was before it was made metric. */
export function undoMetric(result: DepthResult): DepthResult {
  return baseOf(result);
}

/**
 * The map with all distances multiplied by one factor, from the length of a line: what it is over what the map says.
 *
 * @param column, row a pixel with a value, which becomes the known point where there is none yet.
 */
export function corrected(result: DepthResult, factor: number, column: number, row: number): Outcome & { readonly metric?: DepthResult } {
  if (!(factor > 0 && Number.isFinite(factor))) return { refusal: "The length of a line has to be more than 0 metres." };
  const base = baseOf(result);
  const already = result.before === undefined ? [] : (result.known ?? []);
  if (needsShift(base) && already.length === 0) {
    return {
      refusal:
        "The length of a line can't fix this map, whose scale and shift are both unknown: enter the distance of two points from the camera first.",
    };
  }
  const known =
    already.length > 0
      ? already.map((point) => ({ ...point, metres: point.metres * factor }))
      : [{ x: column, y: row, metres: depthAt(base, column, row) * factor }];
  const outcome = fitKnown(base, known);
  if ("refusal" in outcome) return outcome;
  return { ...outcome, metric: makeMetric(base, outcome.fit.scale, outcome.fit.shift, known) };
}

/** "3.2 %" with two digits that mean something. */
export function percent(share: number): string {
  const value = 100 * share;
  return `${value >= 10 ? value.toFixed(0) : value.toPrecision(2)} %`;
}
