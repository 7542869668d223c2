import { expect, test } from "vitest";
import type { Ambiguity, DepthResult, Quantity } from "../src/depth";
import { crisp } from "../src/refocus/crisp";
import { bladeReach, circleOfConfusion, focusAt, relativeDisparity, tapsOf } from "../src/refocus/lens_blur";

function resultOf(values: readonly number[], quantity: Quantity, ambiguity: Ambiguity): DepthResult {
  return {
    id: "1", name: "a", width: values.length, height: 1, values: Float32Array.from(values), quantity, ambiguity, kind: "", unit: "none",
    camera: { focalPx: 100, fovDeg: null, source: "given" }, model: "", version: "", notes: [], image: {} as ImageBitmap,
  };
}

test("the circle of confusion is that of a thin lens up to one factor", () => {
  // Thin lens: c = A f |z - zf| / (z (zf - f)), whatever the distances.
  const [apertureMm, focalMm, focusMm] = [25, 50, 2000];
  const thin = (z: number) => (apertureMm * focalMm * (z - focusMm)) / (z * (focusMm - focalMm));
  const factor = circleOfConfusion(1 / 1000, 1 / focusMm, 1, 1) / -thin(1000);
  for (const z of [500, 1500, 3000, 50_000]) {
    expect(circleOfConfusion(1 / z, 1 / focusMm, 1, 1)).toBeCloseTo(-thin(z) * factor, 12);
  }
});

test("what is in focus is sharp, what is nearer has a positive radius, and none is larger than the limit", () => {
  expect(circleOfConfusion(0.4, 0.4, 100, 20)).toBe(0);
  expect(circleOfConfusion(0.5, 0.4, 100, 20)).toBeCloseTo(10, 10);
  expect(circleOfConfusion(0.3, 0.4, 100, 20)).toBeCloseTo(-10, 10);
  expect(circleOfConfusion(1, 0.4, 100, 20)).toBe(20);
  expect(circleOfConfusion(0, 0.4, 100, 20)).toBe(-20);
});

test("the samples' shares add up to the whole disc, and those within a radius to the area within it", () => {
  for (const crowding of [1, 1.7]) {
    const numbers = tapsOf(600, crowding, 0);
    let sum = 0;
    let within = 0;
    for (let i = 0; i < 600; i++) {
      const [x, y, radius, share] = numbers.slice(4 * i, 4 * i + 4);
      expect(Math.hypot(x, y)).toBeCloseTo(radius, 5);
      expect(radius).toBeLessThan(1);
      sum += share;
      if (radius < 0.5) within += share;
    }
    expect(sum).toBeCloseTo(1, 5);
    expect(within).toBeCloseTo(0.25, 2);
  }
});

test("a blurred ramp keeps its brightness: the samples have no weight to one side", () => {
  for (const blades of [0, 6, 8]) {
    const numbers = tapsOf(150, 1.7, blades);
    let [x, y] = [0, 0];
    for (let i = 0; i < 150; i++) {
      x += numbers[4 * i] * numbers[4 * i + 3];
      y += numbers[4 * i + 1] * numbers[4 * i + 3];
    }
    expect(Math.hypot(x, y)).toBeLessThan(0.01);
  }
});

test("crowded samples are finer in the middle, even ones all stand for the same area", () => {
  const shares = (crowding: number) => tapsOf(100, crowding, 0).filter((_, i) => i % 4 === 3);
  expect(Math.max(...shares(1)) / Math.min(...shares(1))).toBeCloseTo(1, 3);
  expect(shares(1.7)[99] / shares(1.7)[5]).toBeGreaterThan(4);
});

test("an aperture of six blades has the area of a hexagon, with its corners on the circle", () => {
  const steps = 36_000;
  let area = 0;
  for (let i = 0; i < steps; i++) area += (bladeReach((i / steps) * 2 * Math.PI, 6) ** 2 / 2) * ((2 * Math.PI) / steps);
  expect(area).toBeCloseTo((3 * Math.sqrt(3)) / 2, 5);
  expect(bladeReach(-Math.PI / 2, 6)).toBeCloseTo(1, 10);
  expect(bladeReach(1, 0)).toBe(1);
});

test("relative disparity runs from 0 far away to 1 close by for every kind of map", () => {
  for (const result of [
    resultOf([1, 2, 4], "depth", "metric"),
    resultOf([1, 2, 4], "ray_distance", "scale_invariant"),
    resultOf([10, 20, 30], "depth", "affine_invariant"),
    resultOf([1, 0.5, -0.25], "disparity", "affine_invariant"),
    resultOf([40, 20, 10], "pixel_disparity", "metric"),
  ]) {
    const [near, middle, far] = relativeDisparity(result);
    expect([near, far]).toEqual([1, 0]);
    expect(middle).toBeGreaterThan(0);
    expect(middle).toBeLessThan(1);
  }
});

test("an affine change of the map changes nothing, and a pixel without a value counts as far", () => {
  const values = [0.1, 0.7, 0.4, 0.9, Number.NaN];
  const a = relativeDisparity(resultOf(values, "disparity", "affine_invariant"));
  const b = relativeDisparity(resultOf(values.map((v) => 12 * v - 5), "disparity", "affine_invariant"));
  for (let i = 0; i < 5; i++) expect(b[i]).toBeCloseTo(a[i], 4);
  expect(a[4]).toBe(0);
});

test("the focus takes the middle value around the click, not a stray one", () => {
  const disparity = new Float32Array(100).fill(0.6);
  disparity[55] = 0.1;
  expect(focusAt(disparity, 10, 5, 5)).toBeCloseTo(0.6, 6);
  expect(focusAt(disparity, 10, 0, 0)).toBeCloseTo(0.6, 6);
});

test("a soft edge becomes a hard one, a little outside its middle, and a slope stays what it is", () => {
  const [width, height] = [40, 9];
  const edge = Float32Array.from({ length: width * height }, (_, i) => Math.min(1, Math.max(0, ((i % width) - 17.6) / 5)));
  const hard = crisp(edge, width, 4);
  for (let i = 0; i < hard.length; i++) expect(hard[i]).toBe(i % width <= 18 ? 0 : 1);
  const slope = Float32Array.from({ length: width * height }, (_, i) => 0.005 * (i % width));
  expect([...crisp(slope, width, 4)]).toEqual([...slope]);
});

test("making edges hard compares each pixel with the whole square around it", () => {
  const [width, height, reach] = [20, 13, 3]; // neither a multiple of the window: the last block is cut short
  const noisy = Float32Array.from({ length: width * height }, (_, i) => (Math.sin(12.9898 * i) * 43758.5453) % 1);
  const hard = crisp(noisy, width, reach);
  for (let i = 0; i < noisy.length; i++) {
    const [column, row] = [i % width, Math.floor(i / width)];
    const around: number[] = [];
    for (let y = Math.max(0, row - reach); y <= Math.min(height - 1, row + reach); y++) {
      for (let x = Math.max(0, column - reach); x <= Math.min(width - 1, column + reach); x++) around.push(noisy[y * width + x]);
    }
    const value = noisy[i];
    const [low, high] = [Math.min(...around), Math.max(...around)];
    expect(hard[i]).toBe(value - low >= 0.2 * (high - low) ? high : low);
  }
});
