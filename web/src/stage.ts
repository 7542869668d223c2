/** A picture fitted into its place, with layers of the map's size and a cross-hair for mouse, touch and arrow keys. */

import { h } from "./dom";
import type { Point } from "./mask";

export class Stage {
  readonly element: HTMLElement;
  /** Holds the layers; exactly as large as the picture is shown. */
  readonly fit: HTMLElement;
  private readonly cross = h("div", { class: "cross", hidden: true, "aria-hidden": "true" });
  private width = 1;
  private height = 1;

  constructor(label: string, ...layers: HTMLElement[]) {
    this.fit = h(
      "div",
      { class: "fit", tabindex: 0, role: "group", "aria-roledescription": "picture", "aria-label": label },
      ...layers,
      this.cross,
    );
    this.element = h("div", { class: "stage" }, this.fit);
  }

  setSize(width: number, height: number): void {
    this.width = width;
    this.height = height;
    this.fit.style.setProperty("--aspect", String(width / height));
  }

  /** The pixel under a pointer, in pixels of the map with centres at whole numbers; may lie outside. */
  pixelAt(event: { readonly clientX: number; readonly clientY: number }): Point {
    const box = this.fit.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * this.width - 0.5,
      y: ((event.clientY - box.top) / box.height) * this.height - 0.5,
    };
  }

  /** How many map pixels one pixel of the screen spans. */
  get pixelsPerScreenPixel(): number {
    return this.width / Math.max(1, this.fit.getBoundingClientRect().width);
  }

  showCross(point: Point | null): void {
    this.cross.hidden = point === null;
    if (!point) return;
    this.cross.style.left = `${(100 * (point.x + 0.5)) / this.width}%`;
    this.cross.style.top = `${(100 * (point.y + 0.5)) / this.height}%`;
  }

  clamp(point: Point): Point {
    return {
      x: Math.min(this.width - 1, Math.max(0, Math.round(point.x))),
      y: Math.min(this.height - 1, Math.max(0, Math.round(point.y))),
    };
  }
}

/** Where an arrow key moves a point: one pixel, ten with Shift; null for other keys. */
export function moved(point: Point, event: Pick<KeyboardEvent, "key" | "shiftKey">): Point | null {
  const far = event.shiftKey ? 10 : 1;
  switch (event.key) {
    case "ArrowLeft":
      return { x: point.x - far, y: point.y };
    case "ArrowRight":
      return { x: point.x + far, y: point.y };
    case "ArrowUp":
      return { x: point.x, y: point.y - far };
    case "ArrowDown":
      return { x: point.x, y: point.y + far };
    default:
      return null;
  }
}

/** Draw the picture into a canvas, at most as large as is useful on a screen. */
export function drawPicture(canvas: HTMLCanvasElement, image: ImageBitmap): void {
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d")?.drawImage(image, 0, 0);
}
