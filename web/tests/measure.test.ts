import { expect, test } from "vitest";
import type { Ambiguity, DepthResult, KnownPoint, Quantity } from "../src/depth";
import { inWords, lengthOf, toCsv } from "../src/measure/distance";
import { baseOf, corrected, depthAt, fitKnown, isMetric, makeMetric, undoMetric } from "../src/measure/metric";

function resultOf(
  values: readonly number[], width: number, quantity: Quantity = "disparity", ambiguity: Ambiguity = "affine_invariant",
): DepthResult {
  return {
    id: "1", name: "a.jpg", width, height: values.length / width, values: Float32Array.from(values), quantity, ambiguity,
    camera: { focalPx: 100, fovDeg: null, source: "given" }, kind: `${quantity}/${ambiguity}`, unit: "none", model: "m",
    version: "0", notes: [], image: {} as ImageBitmap,
  };
}

/** A map that is an affine change of 1 / metres, and its true depth. */
const METRES = [1, 1.5, 2, 2.5, 4, 5, 8, 10];
const AFFINE = resultOf(METRES.map((m) => (1 / m - 0.05) / 0.4), 8);

function known(...columns: readonly number[]): KnownPoint[] {
  return columns.map((x) => ({ x, y: 0, metres: METRES[x] }));
}

function fitted(result: DepthResult, points: readonly KnownPoint[]) {
  const outcome = fitKnown(result, points);
  if ("refusal" in outcome) throw new Error(outcome.refusal);
  return outcome.fit;
}

function refusal(result: DepthResult, points: readonly KnownPoint[]): string {
  const outcome = fitKnown(result, points);
  if (!("refusal" in outcome)) throw new Error(`accepted: ${JSON.stringify(outcome.fit)}`);
  return outcome.refusal;
}

test("two known distances give scale and shift of an affine-invariant disparity exactly", () => {
  const fit = fitted(AFFINE, known(0, 7));
  expect(fit.scale).toBeCloseTo(0.4, 6);
  expect(fit.shift).toBeCloseTo(0.05, 6);
  expect(fit.residual).toBeLessThan(1e-6);
  const metric = makeMetric(AFFINE, fit.scale, fit.shift, known(0, 7));
  METRES.forEach((metres, column) => expect(depthAt(metric, column, 0)).toBeCloseTo(metres, 4));
  expect([metric.kind, metric.unit, isMetric(metric)]).toEqual(["disparity/metric", "1/m", true]);
});

test("one known distance of an affine-invariant map fixes the scale alone and says that the shift was assumed", () => {
  const fit = fitted(AFFINE, known(2));
  expect(fit.shift).toBe(0);
  expect(fit.shiftAssumed).toBe(true);
  const metric = makeMetric(AFFINE, fit.scale, fit.shift, known(2));
  expect(depthAt(metric, 2, 0)).toBeCloseTo(2, 5);
  expect(Math.abs(depthAt(metric, 7, 0) - 10)).toBeGreaterThan(0.5); // wrong elsewhere, which is why a second is asked for
});

test("a scale alone is the median of the ratios, for depth and for disparity", () => {
  const points = [0, 1, 2, 3].map((x) => ({ x, y: 0, metres: METRES[x] * [2, 2.2, 3, 7][x] }));
  expect(fitted(resultOf(METRES, 8, "depth", "scale_invariant"), points).scale).toBeCloseTo(2.6, 5);
  const disparity = resultOf(METRES.map((m) => 1 / m), 8, "disparity", "scale_invariant");
  expect(fitted(disparity, points).scale).toBeCloseTo(1 / 2.6, 5);
  expect(fitted(disparity, points.slice(0, 3)).scale).toBeCloseTo(1 / 2.2, 5);
});

test("more than two known distances are fitted by least squares in disparity", () => {
  const points = known(0, 2, 5, 7).map((point, i) => ({ ...point, metres: point.metres * (1 + 0.02 * (-1) ** i) }));
  const fit = fitted(AFFINE, points);
  // Independent of the code: the normal equations, solved by Cramer's rule.
  const v = points.map((point) => AFFINE.values[point.x]);
  const t = points.map((point) => 1 / point.metres);
  const sum = (f: (i: number) => number) => v.reduce((total, _, i) => total + f(i), 0);
  const [svv, sv, svt, st, n] = [sum((i) => v[i] * v[i]), sum((i) => v[i]), sum((i) => v[i] * t[i]), sum((i) => t[i]), v.length];
  const determinant = svv * n - sv * sv;
  expect(fit.scale).toBeCloseTo((svt * n - sv * st) / determinant, 9);
  expect(fit.shift).toBeCloseTo((svv * st - sv * svt) / determinant, 9);
  expect(fit.residual).toBeGreaterThan(0.001);
  expect(fit.used).toBe(4);
});

test("a depth that is known up to its scale takes one factor from one or many points and never a shift", () => {
  const depth = resultOf(METRES.map((m) => m / 3), 8, "depth", "scale_invariant");
  for (const points of [known(4), known(1, 6), known(0, 3, 7)]) {
    const fit = fitted(depth, points);
    expect(fit.scale).toBeCloseTo(3, 5);
    expect([fit.shift, fit.shiftAssumed]).toEqual([0, false]);
  }
});

test("a ray distance is fitted so that the known distance is the one along the view axis", () => {
  const rays = resultOf(new Array(64 * 48).fill(1.7), 64, "ray_distance", "scale_invariant");
  const points = [{ x: 3, y: 40, metres: 2 }];
  const fit = fitted(rays, points);
  expect(depthAt(makeMetric(rays, fit.scale, fit.shift, points), 3, 40)).toBeCloseTo(2, 5);
});

test("pixels of a stereo pair become inverse metres from one distance", () => {
  const pair = resultOf(METRES.map((m) => 120 / m), 8, "pixel_disparity", "metric");
  expect(isMetric(pair)).toBe(false);
  const fit = fitted(pair, known(3));
  const metric = makeMetric(pair, fit.scale, fit.shift, known(3));
  expect([metric.kind, metric.unit, isMetric(metric)]).toEqual(["disparity/metric", "1/m", true]);
  expect(depthAt(metric, 7, 0)).toBeCloseTo(10, 4);
});

test("a point that is said to be farther but seen closer is refused", () => {
  expect(refusal(AFFINE, [{ x: 0, y: 0, metres: 5 }, { x: 7, y: 0, metres: 1 }])).toContain("sees closer");
});

test("distances that would put a part of the picture past infinity are refused, and so is an assumed shift that does", () => {
  const points = [{ x: 0, y: 0, metres: 1 }, { x: 1, y: 0, metres: 20 }];
  expect(refusal(AFFINE, points)).toMatch(/75 % of the picture would lie farther away than infinity/);
  const negative = resultOf([1, 0.5, -0.5, -1], 4);
  expect(refusal(negative, [{ x: 0, y: 0, metres: 1 }])).toContain("second distance");
});

test("a far end that noise carries just past infinity loses its value instead", () => {
  const noisy = resultOf([1, 0.5, 0.1, -0.01], 4);
  const points = [{ x: 0, y: 0, metres: 1 }, { x: 1, y: 0, metres: 2 }];
  const fit = fitted(noisy, points);
  const metric = makeMetric(noisy, fit.scale, fit.shift, points);
  expect([...metric.values].map((value) => value > 0)).toEqual([true, true, true, false]);
  expect(metric.values[3]).toBeNaN();
});

test("points that can't say anything are refused with a sentence each", () => {
  expect(refusal(AFFINE, [])).toContain("No distance is known yet");
  expect(refusal(AFFINE, [{ x: 0, y: 0, metres: 0 }])).toContain("more than 0");
  expect(refusal(AFFINE, [{ x: 0, y: 0, metres: Number.NaN }])).toContain("more than 0");
  expect(refusal(resultOf([Number.NaN, 1], 2), [{ x: 0, y: 0, metres: 1 }])).toContain("no value at pixel 0, 0");
  expect(refusal(resultOf([1, 1, 0.5], 3), [{ x: 0, y: 0, metres: 1 }, { x: 1, y: 0, metres: 2 }])).toContain("equally far");
  expect(refusal(resultOf([-1, 1], 2), [{ x: 0, y: 0, metres: 1 }])).toContain("not above zero");
  expect(refusal(resultOf([1, 2], 2, "disparity", "ordinal"), [{ x: 0, y: 0, metres: 1 }])).toContain("closer");
});

test("making metric can be taken back, and doing it again starts from the network's map", () => {
  const once = makeMetric(AFFINE, 0.4, 0.05, known(0, 7));
  const twice = makeMetric(once, 0.8, 0.1, known(0, 7));
  expect(twice.values[0]).toBeCloseTo(0.8 * AFFINE.values[0] + 0.1, 6);
  expect(undoMetric(twice).values).toBe(AFFINE.values);
  expect(undoMetric(AFFINE)).toBe(AFFINE);
  expect(twice.known).toEqual(known(0, 7));
  const wider = { ...once, camera: { focalPx: 50, fovDeg: null, source: "given" } };
  expect(baseOf(wider).camera.focalPx).toBe(50); // a focal length set meanwhile stays
});

test("the length of a line corrects a scale by one factor and goes on as a known point", () => {
  const flat = resultOf(new Array(64 * 48).fill(1.5), 64, "depth", "scale_invariant");
  const [a, b] = [{ column: 10, row: 20 }, { column: 50, row: 20 }];
  const mapLength = lengthOf(flat, a, b).length;
  expect(mapLength).toBeCloseTo((40 * 1.5) / 100, 6);
  const outcome = corrected(flat, 1.2 / mapLength, a.column, a.row);
  if (outcome.metric === undefined) throw new Error("refused");
  expect(lengthOf(outcome.metric, a, b).length).toBeCloseTo(1.2, 5);
  expect(outcome.metric.known?.[0]).toMatchObject({ x: 10, y: 20 });
  expect(outcome.metric.known?.[0].metres).toBeCloseTo(3, 5);
});

test("the length of a line corrects a map made metric by two points without moving its shape", () => {
  const metric = makeMetric(AFFINE, 0.4, 0.05, known(0, 7));
  const outcome = corrected(metric, 2, 0, 0);
  if (outcome.metric === undefined) throw new Error("refused");
  METRES.forEach((metres, column) => expect(depthAt(outcome.metric as DepthResult, column, 0)).toBeCloseTo(2 * metres, 3));
});

test("the length of a line can't fix a map whose scale and shift are both unknown", () => {
  const outcome = corrected(AFFINE, 2, 0, 0);
  expect("refusal" in outcome && outcome.refusal).toContain("two points from the camera first");
});

test("a line on a tilted wall is as long as the wall says, with both ends at their own distance", () => {
  // The wall z = 2 + x, seen with focal 100 from 64 x 48 pixels: x = u z gives z = 2 / (1 - u) with u = (column - 31.5) / 100.
  const z = (column: number) => 2 / (1 - (column - 31.5) / 100);
  const wall = resultOf(Array.from({ length: 64 * 48 }, (_, i) => z(i % 64)), 64, "depth", "metric");
  const { za, zb, length } = lengthOf(wall, { column: 5, row: 20 }, { column: 60, row: 20 });
  expect([za, zb]).toEqual([z(5), z(60)].map(Math.fround));
  const height = (z(60) - z(5)) * ((20 - 23.5) / 100);
  expect(length).toBeCloseTo(Math.hypot(z(60) - z(5), z(60) - z(5), height), 5);
});

test("lengths are told with three digits and in the unit people use", () => {
  expect([0.0042, 0.0421, 0.421, 4.21, 42.13, 421.3].map(inWords)).toEqual([
    "4.2 mm", "4.21 cm", "42.1 cm", "4.21 m", "42.1 m", "421 m",
  ]);
  expect(inWords(Number.NaN)).toBe("no value");
});

test("the table of measurements can be read back and holds no formula", () => {
  const flat = { ...resultOf(new Array(64 * 48).fill(2), 64, "depth", "metric"), name: '=SUM(A1),"x"' };
  const csv = toCsv(flat, [{ id: 1, a: { column: 10, row: 20 }, b: { column: 60, row: 20 } }]);
  const [header, line] = csv.trim().split("\n");
  expect(header.split(",")).toHaveLength(10);
  expect(line.startsWith(`"'=SUM(A1),""x""",10,20,2.0000,60,20,2.0000,1.0000,`)).toBe(true);
  expect(line.endsWith(",given")).toBe(true);
});
