import { describe, expect, test } from "vitest";
import { COLORMAPS, colourise, colourTable, histogram, percentile, rankOf, robustRange, sortedSample } from "../src/colour";
import { TABLES } from "../src/colour_tables";

const map = (values: number[], width: number, quantity: "depth" | "disparity" = "depth") => ({
  values: Float32Array.from(values),
  width,
  height: values.length / width,
  quantity,
});
const NONE = Number.NaN;

describe("colour tables", () => {
  test("every map of the menu has 256 colours and middle grey or black for no value", () => {
    for (const { name } of COLORMAPS) {
      const table = colourTable(name);
      expect(table.length).toBe(768);
      expect([...table.subarray(0, 3)]).toEqual(name === "grey" ? [0, 0, 0] : [118, 118, 118]);
    }
    expect(Object.keys(TABLES).sort()).toEqual(COLORMAPS.map(({ name }) => name).sort());
  });

  test("all maps but turbo grow brighter from far to near", () => {
    for (const { name } of COLORMAPS.filter((one) => one.name !== "turbo")) {
      const table = colourTable(name);
      const bright = (row: number) => 0.2126 * table[3 * row] + 0.7152 * table[3 * row + 1] + 0.0722 * table[3 * row + 2];
      for (let row = 9; row < 256; row += 8) expect(bright(row)).toBeGreaterThan(bright(row - 8));
    }
  });

  test("an unknown map is refused by name", () => {
    expect(() => colourTable("rainbow")).toThrow("unknown colour map rainbow");
  });
});

describe("colourise", () => {
  const near = [...colourTable("viridis").subarray(3 * 255)];
  const far = [...colourTable("viridis").subarray(3, 6)];

  test("near is bright for depth and for disparity", () => {
    const pixels = new Uint8ClampedArray(8);
    colourise(map([1, 5], 2, "depth"), "viridis", 1, 5, pixels);
    expect([...pixels]).toEqual([...near, 255, ...far, 255]);
    colourise(map([1, 5], 2, "disparity"), "viridis", 1, 5, pixels);
    expect([...pixels]).toEqual([...far, 255, ...near, 255]);
  });

  test("values outside the range take the nearer end's colour and no value is grey", () => {
    const pixels = new Uint8ClampedArray(12);
    colourise(map([-9, 99, NONE], 3, "depth"), "viridis", 1, 5, pixels);
    expect([...pixels]).toEqual([...near, 255, ...far, 255, 118, 118, 118, 255]);
  });
});

describe("statistics", () => {
  test("percentiles interpolate linearly", () => {
    expect(percentile([0, 10, 20, 30], 50)).toBe(15);
    expect(percentile([7], 99)).toBe(7);
    expect(percentile([], 50)).toBeNaN();
  });

  test("a sample leaves out what has no value and is sorted", () => {
    expect([...sortedSample(map([3, NONE, 1, 2], 2))]).toEqual([1, 2, 3]);
  });

  test("few valid values between the sampled rows are still found", () => {
    const values = new Array<number>(64).fill(NONE);
    values[9] = 4;
    expect([...sortedSample(map(values, 8), 4)]).toEqual([4]);
  });

  test("the range of a flat or an empty map is not empty", () => {
    expect(robustRange([2, 2, 2])).toEqual([1, 3]);
    expect(robustRange([0, 0])).toEqual([-0.5, 0.5]);
    expect(robustRange([])).toEqual([0, 1]);
  });

  test("half a percent of wild values at either end is left out of the range", () => {
    const values = Float32Array.from({ length: 1001 }, (_, i) => i);
    values[1000] = 1e9;
    expect(robustRange(values)).toEqual([5, 995]);
  });

  test("the rank counts the values below", () => {
    expect(rankOf([1, 2, 2, 3], 2)).toBe(0.25);
    expect(rankOf([1, 2, 2, 3], 2, true)).toBe(0.75);
    expect(rankOf([1, 2, 2, 3], 9)).toBe(1);
  });

  test("a histogram counts each value once, the upper end too", () => {
    expect([...histogram([0, 0.5, 1, 2, 3], 0, 2, 2)]).toEqual([2, 2]);
  });
});
