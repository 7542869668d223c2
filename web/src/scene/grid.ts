/**
 * The surface through a distance map: a grid of points, and triangles between those that belong together.
 *
 * Between an object and what is behind it there is no surface. A link between two neighbours is cut where the relative jump
 * of the distance exceeds a limit. A plane seen at a grazing angle jumps too, more and more towards the horizon; but its
 * *disparity* is linear in the picture, so what its neighbourhood jumps as well is taken off first: a floor stays whole.
 */

import type { Lens } from "./lens";

/** A browser is comfortable with this many. */
export const MOST_VERTICES = 400_000;
/** So many links away on either side, even the soft edge of a network's map is over. */
const CONTEXT = 5;

export interface Grid {
  readonly columns: number;
  readonly rows: number;
  /** Every so many pixels of the map there is a point. */
  readonly step: number;
  /** (x, y, z) of each point in the frame of WebGL and glTF: x right, y up, z towards the viewer. NaN-free; see `present`. */
  readonly positions: Float32Array;
  /** (u, v) of each point in the picture, v from the top. */
  readonly uvs: Float32Array;
  /** 1 where there is a point. */
  readonly present: Uint8Array;
  /** Distance along the view axis, NaN where there is none. */
  readonly z: Float32Array;
}

export interface CutLimits {
  /** Largest relative jump of the distance between neighbours, such as 0.05. */
  readonly jump: number;
  /** Steepest surface against the picture plane, in degrees, such as 88. */
  readonly angleDeg: number;
}

/** The limits for a slider from 0 (nothing is cut) to 1 (a lot is). */
export function limitsFor(edges: number): CutLimits {
  if (edges <= 0) return { jump: Number.POSITIVE_INFINITY, angleDeg: 90 };
  return { jump: 0.5 * 0.01 ** edges, angleDeg: 90 - 8 * edges };
}

/** How many pixels apart the points have to be for at most `most` of them. */
export function stepFor(width: number, height: number, most: number = MOST_VERTICES): number {
  let step = 1;
  while (Math.ceil(width / step) * Math.ceil(height / step) > most) step++;
  return step;
}

/** The points of a distance map, every `step` pixels. */
export function gridOf(z: Float32Array, width: number, height: number, lens: Lens, step = stepFor(width, height)): Grid {
  const columns = Math.ceil(width / step);
  const rows = Math.ceil(height / step);
  const count = columns * rows;
  const positions = new Float32Array(count * 3);
  const uvs = new Float32Array(count * 2);
  const present = new Uint8Array(count);
  const taken = new Float32Array(count);
  const offset = (step - 1) >> 1; // the pixel in the middle of each cell
  for (let row = 0, i = 0; row < rows; row++) {
    const y = Math.min(height - 1, row * step + offset);
    for (let column = 0; column < columns; column++, i++) {
      const x = Math.min(width - 1, column * step + offset);
      const distance = z[y * width + x];
      taken[i] = distance > 0 ? distance : Number.NaN;
      uvs[2 * i] = (x + 0.5) / width;
      uvs[2 * i + 1] = (y + 0.5) / height;
      if (!(distance > 0)) continue;
      present[i] = 1;
      positions[3 * i] = ((x + 0.5 - lens.cx) / lens.focal) * distance;
      positions[3 * i + 1] = -((y + 0.5 - lens.cy) / lens.focal) * distance;
      positions[3 * i + 2] = -distance;
    }
  }
  return { columns, rows, step, positions, uvs, present, z: taken };
}

export interface Links {
  /** 1 where the point and its right neighbour belong together. */
  readonly right: Uint8Array;
  /** 1 where the point and the one below belong together. */
  readonly down: Uint8Array;
}

/** Which neighbours belong to one surface. */
export function linksOf(grid: Grid, lens: Lens, limits: CutLimits): Links {
  const { columns, rows, z, step } = grid;
  const disparity = new Float32Array(z.length);
  for (let i = 0; i < z.length; i++) disparity[i] = 1 / z[i];
  // A surface at this angle against the picture plane jumps by tan(angle) * step / focal from one point to the next.
  const steepest = Math.tan((limits.angleDeg * Math.PI) / 180) * (step / lens.focal);
  const limit = Math.min(limits.jump, limits.angleDeg >= 90 ? Number.POSITIVE_INFINITY : steepest);
  const right = new Uint8Array(z.length);
  const down = new Uint8Array(z.length);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) {
      if (column + 1 < columns) right[i] = linked(disparity, i, 1, column, columns - 1, limit);
      if (row + 1 < rows) down[i] = linked(disparity, i, columns, row, rows - 1, limit);
    }
  }
  return { right, down };
}

/** Whether point i and the next one along `stride` belong together; there are `links` links in its line, this is number `at`. */
function linked(disparity: Float32Array, i: number, stride: number, at: number, links: number, limit: number): 0 | 1 {
  const here = disparity[i];
  const next = disparity[i + stride];
  const jump = next - here;
  if (Number.isNaN(jump)) return 0;
  if (limit === Number.POSITIVE_INFINITY) return 1;
  const allowed = limit * Math.min(here, next);
  if (Math.abs(jump) <= allowed) return 1;
  let left = Math.abs(jump);
  for (const away of [-CONTEXT, CONTEXT]) {
    if (at + away < 0 || at + away >= links) continue;
    const from = i + away * stride;
    const usual = disparity[from + stride] - disparity[from];
    if (!Number.isNaN(usual)) left = Math.min(left, Math.abs(jump - usual));
  }
  return left <= allowed ? 1 : 0;
}

/** Triangles (three indices each, counter-clockwise for the camera) over all links that hold. */
export function trianglesOf(grid: Grid, links: Links): Uint32Array {
  const { columns, rows } = grid;
  const indices = new Uint32Array(Math.max(0, (columns - 1) * (rows - 1)) * 6);
  let count = 0;
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const a = row * columns + column; // a b
      const b = a + 1; //                  c d
      const c = a + columns;
      const d = c + 1;
      const top = links.right[a] === 1; // a link holds only between two points that exist
      const bottom = links.right[c] === 1;
      const left = links.down[a] === 1;
      const right = links.down[b] === 1;
      if (top && left) count = push(indices, count, a, c, b);
      if (bottom && right) count = push(indices, count, b, c, d);
      if (top && right && !left && !bottom) count = push(indices, count, a, d, b);
      if (left && bottom && !top && !right) count = push(indices, count, a, c, d);
    }
  }
  return indices.slice(0, count);
}

/** Points worth drawing alone: all but those that hang between an object and what is behind it, cut off on two sides. */
export function solidPoints(grid: Grid, links: Links): Uint32Array {
  const { columns, rows, present } = grid;
  const kept = new Uint32Array(present.length);
  let count = 0;
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) {
      if (!present[i]) continue;
      const inRow = column > 0 && column + 1 < columns;
      const inColumn = row > 0 && row + 1 < rows;
      if (inRow && !links.right[i] && !links.right[i - 1]) continue;
      if (inColumn && !links.down[i] && !links.down[i - columns]) continue;
      kept[count++] = i;
    }
  }
  return kept.slice(0, count);
}

function push(indices: Uint32Array, at: number, a: number, b: number, c: number): number {
  indices[at] = a;
  indices[at + 1] = b;
  indices[at + 2] = c;
  return at + 3;
}
