/**
 * Choosing pixels of a picture: by click or tap, or by a cross-hair that the keyboard moves.
 *
 * The element takes the picture's shape; children are laid over it. Arrow keys move the cross-hair by a hundredth of the
 * picture, with shift by one pixel; Enter or the space bar picks. A magnifier shows the pixels under pointer or cross-hair.
 */

import "./picker.css";
import { h } from "../dom";
import type { Pixel } from "./distance";

export interface PickerOptions {
  /** For screen readers: what picking does. */
  readonly label: string;
  readonly testid: string;
  readonly pick: (pixel: Pixel) => void;
  /** Words for the pixel under the cross-hair, spoken while it moves. */
  readonly words?: (pixel: Pixel) => string;
}

const LOUPE_PIXELS = 96;
const LOUPE_TIMES = 6;

export class Picker {
  readonly element: HTMLElement;
  private readonly cross = h("div", { class: "picker-cross", hidden: true });
  private readonly loupe = h("canvas", {
    class: "picker-loupe", width: LOUPE_PIXELS, height: LOUPE_PIXELS, hidden: true, "aria-hidden": "true",
  });
  private readonly spoken = h("span", { class: "picker-spoken", "aria-live": "polite" });
  private image: ImageBitmap | null = null;
  private width = 1;
  private height = 1;
  private at: Pixel | null = null;

  constructor(private readonly options: PickerOptions, ...children: readonly Node[]) {
    this.element = h(
      "div", { class: "picker", tabindex: 0, role: "application", "aria-label": options.label, "data-testid": options.testid },
      ...children, this.cross, this.loupe, this.spoken,
    );
    this.element.addEventListener("click", (event) => {
      this.hideCross();
      this.options.pick(this.pixelAt(event));
    });
    this.element.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") this.magnify(this.pixelAt(event));
    });
    this.element.addEventListener("pointerleave", () => {
      this.loupe.hidden = true;
    });
    this.element.addEventListener("blur", () => this.hideCross());
    this.element.addEventListener("keydown", (event) => {
      if (event.target === this.element && this.key(event)) event.preventDefault();
    });
  }

  /** The picture and the size of its map, in whose pixels points are given. */
  setPicture(image: ImageBitmap | null, width: number, height: number): void {
    this.image = image;
    if (width !== this.width || height !== this.height) this.at = null;
    this.width = width;
    this.height = height;
    this.element.style.setProperty("--aspect", String(width / height));
    this.hideCross();
    this.loupe.hidden = true;
  }

  /** Where a pixel's centre lies on the element, in percent. */
  place(element: HTMLElement, { column, row }: Pixel): void {
    element.style.left = `${((column + 0.5) / this.width) * 100}%`;
    element.style.top = `${((row + 0.5) / this.height) * 100}%`;
  }

  private pixelAt(event: MouseEvent): Pixel {
    const box = this.element.getBoundingClientRect();
    // Browsers cut a click's position to whole numbers: its middle is half a pixel on.
    const middle = (at: number) => (Number.isInteger(at) ? at + 0.5 : at);
    return this.inside({
      column: Math.floor(((middle(event.clientX) - box.left) / box.width) * this.width),
      row: Math.floor(((middle(event.clientY) - box.top) / box.height) * this.height),
    });
  }

  private inside({ column, row }: Pixel): Pixel {
    return { column: Math.min(this.width - 1, Math.max(0, column)), row: Math.min(this.height - 1, Math.max(0, row)) };
  }

  private key(event: KeyboardEvent): boolean {
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const arrows: Record<string, readonly [number, number]> = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
    };
    const arrow = arrows[event.key];
    const at = this.at ?? { column: this.width >> 1, row: this.height >> 1 };
    if (arrow) {
      const stride = event.shiftKey ? 1 : Math.max(1, Math.round(this.width / 100));
      // The first key shows the cross-hair where it is.
      const moved = this.cross.hidden ? at : { column: at.column + arrow[0] * stride, row: at.row + arrow[1] * stride };
      this.showCross(this.inside(moved));
    } else if (event.key === "Enter" || event.key === " ") {
      if (this.cross.hidden) this.showCross(at);
      else this.options.pick(at);
    } else if (event.key === "Escape" && !this.cross.hidden) this.hideCross();
    else return false;
    return true;
  }

  private showCross(at: Pixel): void {
    this.at = at;
    this.cross.hidden = false;
    this.place(this.cross, at);
    this.magnify(at);
    this.spoken.textContent = this.options.words?.(at) ?? `${at.column}, ${at.row}`;
  }

  private hideCross(): void {
    this.cross.hidden = true;
    this.loupe.hidden = true;
    this.spoken.textContent = "";
  }

  private magnify(at: Pixel): void {
    const context = this.loupe.getContext("2d");
    if (this.image === null || this.image.width === 0 || context === null) return; // a closed bitmap has no width
    this.loupe.hidden = false;
    this.loupe.classList.toggle("picker-loupe-left", at.column > this.width / 2);
    const perPixel = this.image.width / this.width;
    const shown = (LOUPE_PIXELS / LOUPE_TIMES) * Math.max(1, perPixel / 2);
    const x = (at.column + 0.5) * perPixel;
    const y = (at.row + 0.5) * (this.image.height / this.height);
    context.imageSmoothingEnabled = false;
    context.clearRect(0, 0, LOUPE_PIXELS, LOUPE_PIXELS);
    context.drawImage(this.image, x - shown / 2, y - shown / 2, shown, shown, 0, 0, LOUPE_PIXELS, LOUPE_PIXELS);
    const middle = LOUPE_PIXELS / 2;
    for (const [style, line] of [["#000", 3], ["#fff", 1]] as const) {
      context.strokeStyle = style;
      context.lineWidth = line;
      context.strokeRect(middle - 5, middle - 5, 10, 10);
    }
  }
}

/** Draw the picture onto a canvas at no more pixels than a screen shows. */
export function drawPicture(canvas: HTMLCanvasElement, image: ImageBitmap): void {
  const share = Math.min(1, 2048 / Math.max(image.width, image.height, 1));
  canvas.width = Math.max(1, Math.round(image.width * share));
  canvas.height = Math.max(1, Math.round(image.height * share));
  if (image.width > 0) canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
}
