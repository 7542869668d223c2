/** Lines with their lengths, and numbered points, laid over the picture. */

import { h } from "../dom";
import type { Pixel } from "./distance";
import type { Picker } from "./picker";

const SVG = "http://www.w3.org/2000/svg";

export interface Line {
  readonly a: Pixel;
  readonly b: Pixel;
  readonly label: string;
}

export class Marks {
  readonly lines = document.createElementNS(SVG, "svg");
  readonly labels = h("div", { class: "measure-labels" });

  constructor() {
    this.lines.setAttribute("preserveAspectRatio", "none");
    this.lines.setAttribute("aria-hidden", "true");
  }

  /** Draw these lines, points that wait for their second one, and numbered points, in pixels of a width x height map. */
  draw(
    picker: Picker, width: number, height: number, lines: readonly Line[], open: readonly Pixel[],
    numbered: readonly (Pixel & { readonly label: string })[],
  ): void {
    this.lines.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.lines.replaceChildren();
    this.labels.replaceChildren();
    for (const { a, b, label } of lines) {
      for (const style of ["measure-line-edge", "measure-line"]) this.lines.append(segment(a, b, style));
      this.dot(picker, a);
      this.dot(picker, b);
      const middle = { column: (a.column + b.column) / 2, row: (a.row + b.row) / 2 };
      this.put(picker, middle, h("span", { class: "measure-label" }, label));
    }
    for (const pixel of open) this.dot(picker, pixel);
    for (const pixel of numbered) this.put(picker, pixel, h("span", { class: "measure-known" }, pixel.label));
  }

  private dot(picker: Picker, pixel: Pixel): void {
    this.put(picker, pixel, h("span", { class: "measure-dot" }));
  }

  private put(picker: Picker, pixel: Pixel, element: HTMLElement): void {
    picker.place(element, pixel);
    this.labels.append(element);
  }
}

function segment(a: Pixel, b: Pixel, style: string): SVGLineElement {
  const line = document.createElementNS(SVG, "line");
  for (const [name, value] of [["x1", a.column], ["y1", a.row], ["x2", b.column], ["y2", b.row]] as const) {
    line.setAttribute(name, String(value + 0.5));
  }
  line.setAttribute("class", style);
  return line;
}
