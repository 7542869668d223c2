import { describe, expect, test } from "vitest";
import { format, labels, placeOf, sentenceOfKind, ticks, titleOf, unitOf } from "../src/legend";
import { readAt, sayReadout } from "../src/readout";
import type { Ambiguity, DepthResult, Quantity } from "../src/depth";

const kind = (quantity: Quantity, ambiguity: Ambiguity, unit = "none") => ({ quantity, ambiguity, unit });

describe("words", () => {
  test("an affine-invariant disparity is never called depth and has no metres yet", () => {
    const relative = kind("disparity", "affine_invariant");
    expect(`${titleOf(relative)} ${sentenceOfKind(relative)}`.toLowerCase()).not.toContain("depth");
    expect(sentenceOfKind(relative)).toContain("no metres yet");
    expect(unitOf(relative)).toBe("");
  });

  test("every kind has a title and a sentence, and only metric ones a unit", () => {
    for (const quantity of ["depth", "ray_distance", "disparity", "pixel_disparity"] as const) {
      for (const ambiguity of ["metric", "scale_invariant", "affine_invariant", "ordinal"] as const) {
        const one = kind(quantity, ambiguity, "m");
        expect(titleOf(one)).not.toBe("");
        expect(sentenceOfKind(one)).toMatch(/\.$/);
        expect(unitOf(one)).toBe(ambiguity === "metric" ? "m" : "");
      }
    }
  });
});

describe("ticks", () => {
  test("are round, ascending and within the range", () => {
    expect(ticks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks(1.1, 3.3, 5)).toEqual([1.5, 2, 2.5, 3]);
    expect(ticks(-0.3, 0.3, 3)).toEqual([-0.2, 0, 0.2]);
  });

  test("of any range are few", () => {
    for (let i = -6; i < 7; i++) {
      for (const factor of [1, 1.7, 3.1, 4.9, 9.9]) {
        const found = ticks(0, factor * 10 ** i, 5);
        expect(found.length).toBeGreaterThan(2);
        expect(found.length).toBeLessThan(8);
      }
    }
  });

  test("of an empty range are none", () => {
    expect(ticks(1, 1, 5)).toEqual([]);
    expect(ticks(0, Number.NaN, 5)).toEqual([]);
  });

  test("closer lies right for disparity and for depth", () => {
    expect(placeOf({ quantity: "disparity" }, 4, 0, 4)).toBe(1);
    expect(placeOf({ quantity: "depth" }, 4, 0, 4)).toBe(0);
  });
});

test("the marks of an inverse distance are round metres that don't touch", () => {
  const found = labels(kind("disparity", "metric", "1/m"), 0.1, 1);
  expect(found.map(({ words }) => words)).toEqual(["1 m", "1.5 m", "2 m", "3 m", "5 m", "10 m"]);
  for (const { value, words } of found) expect(value).toBeCloseTo(1 / Number.parseFloat(words), 12);
  expect(labels(kind("depth", "metric", "m"), 0, 2)[1]).toEqual({ value: 0.5, words: "0.5 m" });
  expect(labels(kind("disparity", "affine_invariant"), 0, 2)[1].words).toBe("0.5");
});

test("numbers are short, and what is nothing beside the span is 0", () => {
  expect(format(1.23456)).toBe("1.235");
  expect(format(1234.6)).toBe("1235");
  expect(format(0.00001)).toBe("1.00e-5");
  expect(format(-0.00001, 5)).toBe("0");
  expect(format(Number.NaN)).toBe("none");
});

describe("read-out", () => {
  const base = { width: 2, height: 2, values: Float32Array.from([0.5, 1, 2, Number.NaN]) };
  const sorted = [0.5, 1, 2];
  const result = (quantity: Quantity, ambiguity: Ambiguity, unit = "none") =>
    ({ ...base, ...kind(quantity, ambiguity, unit) }) as DepthResult;

  test("reads the nearest pixel, column before row", () => {
    expect(readAt(result("depth", "metric", "m"), sorted, 0.4, 1.4).value).toBe(2);
    expect(readAt(result("depth", "metric", "m"), sorted, 1, 0).main).toBe("1 m");
  });

  test("an inverse distance is told in metres, beside itself", () => {
    const readout = readAt(result("disparity", "metric", "1/m"), sorted, 0, 0);
    expect([readout.value, readout.main, readout.extra]).toEqual([0.5, "2 m", "0.5 1/m"]);
  });

  test("a relative map tells how much of the picture is farther, with no unit", () => {
    expect(readAt(result("disparity", "affine_invariant"), sorted, 0, 1).extra).toBe("closer than 67 % of the picture");
    expect(readAt(result("depth", "scale_invariant"), sorted, 0, 0).extra).toBe("closer than 67 % of the picture");
  });

  test("no value and places outside are said", () => {
    const relative = result("disparity", "affine_invariant");
    expect(readAt(relative, sorted, 1, 1).main).toBe("no value here");
    expect(readAt(relative, sorted, 5, 0).main).toBe("no value here");
    expect(sayReadout(readAt(relative, sorted, 0, 0))).toMatch(/^Column 0, row 0: 0\.5, closer than \d+ %/);
  });
});
