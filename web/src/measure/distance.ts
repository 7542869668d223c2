/** Straight lines between two pixels, measured in space. */

import type { DepthResult } from "../depth";
import { distanceBetween, lensOf, unproject } from "../scene/lens";
import { depthAt } from "./metric";

export interface Pixel {
  readonly column: number;
  readonly row: number;
}

export interface Measurement {
  readonly id: number;
  readonly a: Pixel;
  readonly b: Pixel;
}

export interface Length {
  /** Distance along the view axis of both ends, in the map's unit of distance. */
  readonly za: number;
  readonly zb: number;
  /** Length of the straight line in space, in the same unit; NaN where an end has no value. */
  readonly length: number;
}

/** The length of the line between two pixels: metres if the map is metric, else in the map's own unknown unit. */
export function lengthOf(result: DepthResult, a: Pixel, b: Pixel): Length {
  const lens = lensOf(result);
  const za = depthAt(result, a.column, a.row);
  const zb = depthAt(result, b.column, b.row);
  const length = distanceBetween(unproject(lens, a.column, a.row, za), unproject(lens, b.column, b.row, zb));
  return { za, zb, length };
}

/** "1.234 m", "12.3 cm", "4.5 mm" or "37.2 m": three digits, never more than a millimetre. */
export function inWords(metres: number): string {
  if (!Number.isFinite(metres)) return "no value";
  if (metres >= 100) return `${metres.toFixed(0)} m`;
  if (metres >= 10) return `${metres.toFixed(1)} m`;
  if (metres >= 1) return `${metres.toFixed(2)} m`;
  if (metres >= 0.1) return `${(metres * 100).toFixed(1)} cm`;
  if (metres >= 0.01) return `${(metres * 100).toFixed(2)} cm`;
  return `${(metres * 1000).toFixed(1)} mm`;
}

/** The measurements as CSV: pixels, distances along the view axis and lengths in metres. */
export function toCsv(result: DepthResult, measurements: readonly Measurement[]): string {
  const lens = lensOf(result);
  const lines = ["picture,x1,y1,z1_m,x2,y2,z2_m,length_m,fov_deg,fov_source"];
  for (const { a, b } of measurements) {
    const { za, zb, length } = lengthOf(result, a, b);
    lines.push(
      [
        quoted(result.name), a.column, a.row, number(za), b.column, b.row, number(zb), number(length),
        lens.fovDeg.toFixed(2), lens.assumed ? "assumed" : result.camera.source,
      ].join(","),
    );
  }
  return `${lines.join("\n")}\n`;
}

function number(value: number): string {
  return Number.isFinite(value) ? value.toFixed(4) : "";
}

function quoted(text: string): string {
  // A leading =, +, - or @ would be run as a formula by a spreadsheet.
  const plain = /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
