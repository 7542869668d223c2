/**
 * The pinhole camera behind the picture: from a pixel and its distance to a point in space.
 *
 * Camera frame: x right, y down, z forward, origin at the camera. As in leadline.camera the picture's top-left corner is
 * (0, 0) and the pixel with index i has its centre at i + 0.5, so a centred camera looks through (width / 2, height / 2).
 */

import type { DepthResult } from "../depth";

/** A phone's main camera sees 65 to 75 degrees along the longer side, a normal lens 40 (as in leadline.io.points). */
export const ASSUMED_FOV_DEG = 60;
export const SMALLEST_FOV_DEG = 10;
export const LARGEST_FOV_DEG = 130;

export interface Lens {
  /** Focal length in pixels of the map. */
  readonly focal: number;
  readonly cx: number;
  readonly cy: number;
  /** Horizontal field of view in degrees. */
  readonly fovDeg: number;
  /** Whether nobody knows the focal length. */
  readonly assumed: boolean;
}

export type Point = readonly [x: number, y: number, z: number];

/** The lens of a map: from its focal length, else its field of view, else 60 degrees. */
export function lensOf(result: Pick<DepthResult, "width" | "height" | "camera">): Lens {
  const { width, height, camera } = result;
  const halfWidth = width / 2;
  let assumed = camera.source === "assumed" || camera.source === "none";
  let focal: number;
  if (camera.focalPx !== null && camera.focalPx > 0) focal = camera.focalPx;
  else if (camera.fovDeg !== null && camera.fovDeg > 0 && camera.fovDeg < 180) focal = halfWidth / Math.tan(radians(camera.fovDeg) / 2);
  else {
    focal = halfWidth / Math.tan(radians(ASSUMED_FOV_DEG) / 2);
    assumed = true;
  }
  return { focal, cx: halfWidth, cy: height / 2, fovDeg: (2 * Math.atan(halfWidth / focal) * 180) / Math.PI, assumed };
}

/** The point seen by pixel (column, row) at distance z along the view axis, in the unit of z. */
export function unproject(lens: Lens, column: number, row: number, z: number): Point {
  return [((column + 0.5 - lens.cx) / lens.focal) * z, ((row + 0.5 - lens.cy) / lens.focal) * z, z];
}

/** How much longer the ray through pixel (column, row) is than its share along the view axis: ray_distance / depth. */
export function rayLength(lens: Lens, column: number, row: number): number {
  return Math.hypot((column + 0.5 - lens.cx) / lens.focal, (row + 0.5 - lens.cy) / lens.focal, 1);
}

export function distanceBetween(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
