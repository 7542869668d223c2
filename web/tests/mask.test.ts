import { describe, expect, test } from "vitest";
import { addClasses, copyMask, countMarked, difference, emptyMask, fillPolygon, flip, stroke, tint } from "../src/mask";

const at = (mask: { width: number; pixels: Uint8Array }, x: number, y: number) => mask.pixels[y * mask.width + x];

describe("brush", () => {
  test("marks exactly the pixels whose centre is within the radius of the line", () => {
    const mask = emptyMask(40, 30);
    const [a, b, radius] = [{ x: 5.3, y: 6.2 }, { x: 31, y: 19.5 }, 4.2];
    stroke(mask, a, b, radius, 1);
    for (let y = 0; y < 30; y++) {
      for (let x = 0; x < 40; x++) {
        let nearest = Infinity; // a slow way: many points of the line
        for (let i = 0; i <= 2000; i++) {
          nearest = Math.min(nearest, Math.hypot(x - a.x - (i / 2000) * (b.x - a.x), y - a.y - (i / 2000) * (b.y - a.y)));
        }
        if (Math.abs(nearest - radius) > 0.01) expect(at(mask, x, y)).toBe(nearest < radius ? 1 : 0);
      }
    }
  });

  test("a touch without movement is a disc, and the eraser takes it away", () => {
    const mask = emptyMask(21, 21);
    stroke(mask, { x: 10, y: 10 }, { x: 10, y: 10 }, 5, 1);
    expect(countMarked(mask)).toBe(81);
    stroke(mask, { x: 10, y: 10 }, { x: 10, y: 10 }, 5, 0);
    expect(countMarked(mask)).toBe(0);
  });

  test("strokes beyond the border touch no other row", () => {
    const mask = emptyMask(8, 4);
    stroke(mask, { x: -20, y: 1 }, { x: -2.5, y: 1 }, 2, 1);
    stroke(mask, { x: 3, y: -9 }, { x: 3, y: -5 }, 2, 1);
    expect(countMarked(mask)).toBe(0);
  });
});

describe("outline", () => {
  test("fills a rectangle up to its borders", () => {
    const mask = emptyMask(10, 8);
    fillPolygon(
      mask,
      [
        { x: 1.5, y: 0.5 },
        { x: 6.5, y: 0.5 },
        { x: 6.5, y: 4.5 },
        { x: 1.5, y: 4.5 },
      ],
      1,
    );
    expect(countMarked(mask)).toBe(20);
    expect([at(mask, 2, 1), at(mask, 6, 4), at(mask, 1, 1), at(mask, 7, 1), at(mask, 2, 0), at(mask, 2, 5)]).toEqual([
      1, 1, 0, 0, 0, 0,
    ]);
  });

  test("agrees with a point-in-polygon test on a concave shape", () => {
    const points = [
      { x: 2.2, y: 1.1 },
      { x: 27.4, y: 4.3 },
      { x: 15.1, y: 9.7 },
      { x: 25.8, y: 18.6 },
      { x: 4.9, y: 17.2 },
    ];
    const mask = emptyMask(30, 20);
    fillPolygon(mask, points, 1);
    for (let y = 0; y < 20; y++) {
      for (let x = 0; x < 30; x++) {
        let turns = 0; // winding by angles
        points.forEach((p, i) => {
          const q = points[(i + 1) % points.length];
          const angle = Math.atan2(q.y - y, q.x - x) - Math.atan2(p.y - y, p.x - x);
          turns += Math.atan2(Math.sin(angle), Math.cos(angle));
        });
        expect(at(mask, x, y)).toBe(Math.abs(turns) > Math.PI ? 1 : 0);
      }
    }
  });

  test("two corners make no area", () => {
    const mask = emptyMask(5, 5);
    fillPolygon(
      mask,
      [
        { x: 0, y: 0 },
        { x: 4, y: 4 },
      ],
      1,
    );
    expect(countMarked(mask)).toBe(0);
  });
});

test("glass and mirror of the segmenter are marked, sky and opaque are not, at the map's size", () => {
  const mask = emptyMask(4, 2);
  addClasses(mask, [0, 1, 2, 3], 4, 1);
  expect([...mask.pixels]).toEqual([0, 1, 1, 0, 0, 1, 1, 0]);
  const small = emptyMask(2, 1);
  addClasses(small, [0, 2, 0, 0], 4, 1); // pixel 0 of two covers 0 and 1 of four; its centre lies in 1
  expect([...small.pixels]).toEqual([1, 0]);
});

test("undo brings back exactly what was there", () => {
  const mask = emptyMask(30, 30);
  stroke(mask, { x: 5, y: 5 }, { x: 20, y: 20 }, 4, 1);
  const before = copyMask(mask);
  stroke(mask, { x: 20, y: 5 }, { x: 5, y: 20 }, 4, 1);
  const changed = difference(before, mask);
  expect(changed.length).toBeGreaterThan(0);
  flip(mask, changed);
  expect(mask.pixels).toEqual(before.pixels);
});

test("the border of a mark is opaque, its inside as told, the rest clear", () => {
  const mask = emptyMask(5, 5);
  fillPolygon(
    mask,
    [
      { x: 0.5, y: 0.5 },
      { x: 3.5, y: 0.5 },
      { x: 3.5, y: 3.5 },
      { x: 0.5, y: 3.5 },
    ],
    1,
  );
  const pixels = new Uint8ClampedArray(100);
  tint(mask, pixels, [1, 2, 3], 90);
  expect([pixels[4 * 6 + 3], pixels[4 * 12 + 3], pixels[4 * 0 + 3]]).toEqual([255, 90, 0]);
  expect([...pixels.subarray(4 * 12, 4 * 12 + 3)]).toEqual([1, 2, 3]);
});
