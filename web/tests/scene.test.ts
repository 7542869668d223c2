import { expect, test } from "vitest";
import type { Ambiguity, Camera, DepthResult, Quantity } from "../src/depth";
import { gridOf, limitsFor, linksOf, solidPoints, stepFor, trianglesOf } from "../src/scene/grid";
import { distanceBetween, lensOf, rayLength, unproject } from "../src/scene/lens";
import { percentiles } from "../src/scene/percentile";
import { shapeOf } from "../src/scene/shape";

const GIVEN: Camera = { focalPx: 100, fovDeg: null, source: "given" };

function resultOf(
  values: ArrayLike<number>, width: number, quantity: Quantity = "depth", ambiguity: Ambiguity = "metric", camera = GIVEN,
): DepthResult {
  return {
    id: "1", name: "a.jpg", width, height: values.length / width, values: Float32Array.from(values), camera, quantity, ambiguity,
    kind: `${quantity}/${ambiguity}`, unit: "none", model: "m", version: "0", notes: [], image: {} as ImageBitmap,
  };
}

/** Depth of the plane through (0, 0, z0) whose normal is (nx, ny, nz), seen by each pixel's centre. */
function plane(width: number, height: number, z0: number, [nx, ny, nz]: readonly number[], focal = 100): Float32Array {
  const z = new Float32Array(width * height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const x = (column + 0.5 - width / 2) / focal;
      const y = (row + 0.5 - height / 2) / focal;
      const distance = (nz * z0) / (nx * x + ny * y + nz);
      z[row * width + column] = distance > 0 ? distance : Number.NaN;
    }
  }
  return z;
}

test("the ray through the picture's middle is the view axis, half a pixel from the centres beside it", () => {
  const lens = lensOf(resultOf(new Float32Array(8 * 6), 8));
  expect(unproject(lens, 3.5, 2.5, 2)).toEqual([0, 0, 2]);
  expect(unproject(lens, 4, 3, 2)[0]).toBeCloseTo(0.01, 12);
});

test("points of a tilted plane at 2 m lie on that plane", () => {
  const normal = [0.4, -0.3, Math.sqrt(1 - 0.25)];
  const z = plane(64, 48, 2, normal);
  const lens = lensOf(resultOf(z, 64));
  for (const [column, row] of [[0, 0], [63, 0], [10, 40], [63, 47]] as const) {
    const [x, y, distance] = unproject(lens, column, row, z[row * 64 + column]);
    expect(normal[0] * x + normal[1] * y + normal[2] * distance).toBeCloseTo(normal[2] * 2, 5);
  }
});

test("the corners of a box are as far apart as the box is large", () => {
  // A box of 1 x 0.5 x 0.8 m whose front is 2 m away: corners projected by hand with focal 100 and centre (32, 24).
  const lens = lensOf(resultOf(new Float32Array(64 * 48), 64));
  const pixel = (x: number, y: number, z: number) => unproject(lens, (100 * x) / z + 32 - 0.5, (100 * y) / z + 24 - 0.5, z);
  const front = pixel(-0.5, 0.25, 2);
  expect(distanceBetween(front, pixel(0.5, 0.25, 2))).toBeCloseTo(1, 10);
  expect(distanceBetween(front, pixel(-0.5, -0.25, 2))).toBeCloseTo(0.5, 10);
  expect(distanceBetween(front, pixel(-0.5, 0.25, 2.8))).toBeCloseTo(0.8, 10);
  expect(distanceBetween(front, pixel(0.5, -0.25, 2.8))).toBeCloseTo(Math.hypot(1, 0.5, 0.8), 10);
});

test("without a focal length 60 degrees are assumed and said to be", () => {
  const lens = lensOf(resultOf([1, 1], 2, "depth", "metric", { focalPx: null, fovDeg: null, source: "none" }));
  expect(lens.fovDeg).toBeCloseTo(60, 10);
  expect(lens.assumed).toBe(true);
  expect(lensOf(resultOf([1, 1], 2)).assumed).toBe(false);
});

test("a focal length and its field of view are the same lens", () => {
  const byAngle = lensOf(resultOf([1, 1], 2, "depth", "metric", { focalPx: null, fovDeg: 90, source: "given" }));
  expect(byAngle.focal).toBeCloseTo(1, 12);
});

test("a sphere of ray distances around the camera becomes shorter along the view axis towards the edges", () => {
  const result = resultOf(new Float32Array(64 * 48).fill(3), 64, "ray_distance");
  const lens = lensOf(result);
  const { z, metric } = shapeOf(result, lens);
  expect(metric).toBe(true);
  expect(z[0]).toBeCloseTo(3 / rayLength(lens, 0, 0), 5);
  expect(Math.hypot(...unproject(lens, 5, 7, z[7 * 64 + 5]))).toBeCloseTo(3, 5);
});

test("a metric disparity gives metres and a disparity known up to its scale gives a shape around 1", () => {
  const lens = lensOf(resultOf([1, 1], 2));
  expect([...shapeOf(resultOf([0.5, 0.25], 2, "disparity"), lens).z]).toEqual([2, 4]);
  const { z, guessed, metric } = shapeOf(resultOf([1, 0.5, 0.25], 3, "disparity", "scale_invariant"), lens);
  expect([...z]).toEqual([0.5, 1, 2]);
  expect([guessed, metric]).toEqual([false, false]);
});

test("the far end of a map without a shift lies the chosen number of times as far as the near end", () => {
  const values = Float32Array.from({ length: 10_001 }, (_, i) => 5 - i / 1000); // 5 down to -5: no disparity by itself
  const result = resultOf(values, 10_001, "disparity", "affine_invariant");
  for (const strength of [2, 10]) {
    const { z, guessed, sentence } = shapeOf(result, lensOf(result), strength);
    const [near, far] = [z[200], z[9800]]; // the 98th and the 2nd percentile of the disparity
    expect(far / near).toBeCloseTo(strength, 2);
    expect(guessed).toBe(true);
    expect(sentence).toContain("guess");
    expect([...z].every((distance) => distance > 0)).toBe(true);
  }
});

test("an affine change of such a map does not change its shape", () => {
  const values = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i) + i / 100);
  const changed = values.map((value) => 7 * value - 3);
  const lens = lensOf(resultOf(values, 20));
  const a = shapeOf(resultOf(values, 20, "disparity", "affine_invariant"), lens).z;
  const b = shapeOf(resultOf(changed, 20, "disparity", "affine_invariant"), lens).z;
  for (let i = 0; i < 400; i++) expect(b[i]).toBeCloseTo(a[i], 4);
});

test("sky far beyond everything else is left out and counted, and no value stays none", () => {
  const result = resultOf([2, 2, 2, 2, 1000, Number.NaN], 6);
  const { z, leftOut } = shapeOf(result, lensOf(result));
  expect(leftOut).toBe(1);
  expect([...z.slice(4)]).toEqual([Number.NaN, Number.NaN]);
});

test("a step between two walls is cut and each wall stays whole", () => {
  const [width, height] = [40, 30];
  const z = Float32Array.from({ length: width * height }, (_, i) => (i % width < 20 ? 1 : 1.2));
  const lens = lensOf(resultOf(z, width));
  const grid = gridOf(z, width, height, lens);
  const links = linksOf(grid, lens, limitsFor(0.5));
  const triangles = trianglesOf(grid, links);
  expect(triangles.length / 3).toBe(2 * 29 * 38); // all cells but the one column of the step
  for (let t = 0; t < triangles.length; t += 3) {
    const distances = [...triangles.slice(t, t + 3)].map((i) => grid.z[i]);
    expect(Math.max(...distances)).toBe(Math.min(...distances));
  }
  expect(solidPoints(grid, links).length).toBe(width * height);
});

test("a soft step, as networks draw it, is cut too and loses the points that hang in it", () => {
  const [width, height] = [40, 12];
  const ramp = [1, 1.25, 1.5, 1.75, 2];
  const z = Float32Array.from({ length: width * height }, (_, i) => ramp[Math.min(4, Math.max(0, (i % width) - 18))]);
  const lens = lensOf(resultOf(z, width));
  const grid = gridOf(z, width, height, lens);
  const links = linksOf(grid, lens, limitsFor(0.5));
  for (let column = 18; column < 22; column++) expect(links.right[column]).toBe(0);
  expect(links.right[17]).toBe(1);
  expect(solidPoints(grid, links).length).toBe((width - 3) * height);
});

test("a floor seen at a grazing angle stays whole to the horizon", () => {
  const [width, height] = [40, 60];
  const z = plane(width, height, 40, [0, 1, 0.05]); // 87 degrees against the view axis
  const lens = lensOf(resultOf(z, width));
  const grid = gridOf(z, width, height, lens);
  const lines = new Set<number>();
  for (let i = 0; i < z.length; i++) if (z[i] > 0) lines.add(Math.floor(i / width));
  expect(lines.size).toBeGreaterThan(20);
  const jumps = z[33 * width] - z[34 * width];
  expect(jumps / z[34 * width]).toBeGreaterThan(limitsFor(0.5).jump / 2);
  expect(trianglesOf(grid, linksOf(grid, lens, limitsFor(0.5))).length / 3).toBe(2 * (lines.size - 1) * (width - 1));
});

test("nothing is cut with the slider at its start and no triangle touches a missing point", () => {
  const z = Float32Array.from({ length: 100 }, (_, i) => (i === 44 ? Number.NaN : i % 10 < 5 ? 1 : 50));
  const lens = lensOf(resultOf(z, 10));
  const grid = gridOf(z, 10, 10, lens);
  const triangles = trianglesOf(grid, linksOf(grid, lens, limitsFor(0)));
  expect(triangles.includes(44)).toBe(false);
  expect(triangles.length / 3).toBe(2 * 81 - 6 + 2); // six triangles meet at a point; two corners of its cells are saved
});

test("the frame is right-handed with y up: right of the picture is +x, its top +y, far away -z", () => {
  const z = new Float32Array(8 * 6).fill(2);
  const grid = gridOf(z, 8, 6, lensOf(resultOf(z, 8)));
  const topRight = [...grid.positions.slice(3 * 7, 3 * 8)];
  expect(topRight[0]).toBeGreaterThan(0);
  expect(topRight[1]).toBeGreaterThan(0);
  expect(topRight[2]).toBe(-2);
  expect(grid.uvs[2 * 7]).toBeCloseTo(7.5 / 8, 6);
  expect(grid.uvs[2 * 7 + 1]).toBeCloseTo(0.5 / 6, 6);
});

test("triangles face the camera", () => {
  const z = Float32Array.from({ length: 12 * 9 }, (_, i) => 2 + 0.01 * Math.sin(i));
  const lens = lensOf(resultOf(z, 12));
  const grid = gridOf(z, 12, 9, lens);
  const triangles = trianglesOf(grid, linksOf(grid, lens, limitsFor(0)));
  const at = (i: number) => [...grid.positions.slice(3 * i, 3 * i + 3)];
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [at(triangles[t]), at(triangles[t + 1]), at(triangles[t + 2])];
    const [u, v] = [b.map((x, k) => x - a[k]), c.map((x, k) => x - a[k])];
    expect(u[0] * v[1] - u[1] * v[0]).toBeGreaterThan(0); // z of the normal: towards the viewer
  }
});

test("large maps are thinned to at most 400,000 points", () => {
  expect(stepFor(640, 480)).toBe(1);
  const step = stepFor(6000, 4000);
  expect(Math.ceil(6000 / step) * Math.ceil(4000 / step)).toBeLessThanOrEqual(400_000);
  expect(Math.ceil(6000 / (step - 1)) * Math.ceil(4000 / (step - 1))).toBeGreaterThan(400_000);
});

test("percentiles skip what is no number", () => {
  expect(percentiles([4, Number.NaN, 0, Number.POSITIVE_INFINITY, 2], [0, 0.5, 1])).toEqual([0, 2, 4]);
  expect(percentiles([Number.NaN], [0.5])).toEqual([Number.NaN]);
});
