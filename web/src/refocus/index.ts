/**
 * The refocus tab. Exports `refocusPanel(host): Panel`.
 *
 * data-testid: refocus-picture (click, or arrow keys and Enter, sets the focus), refocus-canvas (data-state: drawing|done,
 * data-focus), refocus-focus, refocus-aperture, refocus-highlights, refocus-blades, refocus-quality-fast,
 * refocus-quality-fine, refocus-shown-after, refocus-shown-before, refocus-save-png, refocus-save-jpeg, refocus-cancel,
 * refocus-failed.
 */

import "../scene/scene.css";
import "./refocus.css";
import type { DepthResult } from "../depth";
import { h, icon, ICONS, saveBlob } from "../dom";
import { drawPicture, Picker } from "../measure/picker";
import type { Pixel } from "../measure/distance";
import type { Panel, PanelHost } from "../panel";
import { choice, slider } from "../scene/slider";
import { crisp } from "./crisp";
import { focusAt, relativeDisparity } from "./lens_blur";
import { type Look, RefocusRenderer } from "./renderer";

const NO_WEBGL = "Refocusing needs WebGL 2, which this browser doesn't offer: switch on hardware acceleration in its settings.";
const TOO_MUCH = "The graphics card couldn't draw the picture at this size: try again with fewer programs open, or use a smaller photo.";
const SAMPLES = { draft: 60, fast: 150, fine: 600 } as const;
/** How long a picture at rest may take to become fine; without a graphics card it gets fewer samples instead. */
const PATIENCE_MS = { fast: 1500, fine: 5000, full: 30_000 } as const;
/** A draft that takes longer than this is drawn smaller from then on. */
const DRAFT_MS = 1200;
const SETTLED_MS = 180;
const PREVIEW_PIXELS = 1_200_000;
const SMALLEST_PREVIEW = 60_000;
const SOFTWARE_PREVIEW = 150_000;
const DOWNLOAD_PIXELS = 24_000_000;
/** Half the width of a soft edge, as a share of the picture's width. */
const EDGE_REACH = 0.006;
const LARGEST_APERTURE = 0.08;

export function refocusPanel(host: PanelHost): Panel {
  return new RefocusPanel(host);
}

class RefocusPanel implements Panel {
  readonly element: HTMLElement;
  private readonly original = h("canvas", { "aria-hidden": "true" });
  private canvas = this.newCanvas();
  private readonly mark = h("span", { class: "refocus-mark", hidden: true });
  private readonly failed = h("p", { class: "view-failed", role: "alert", hidden: true, "data-testid": "refocus-failed" });
  private readonly picker: Picker;
  private readonly focus;
  private readonly aperture;
  private readonly highlights;
  private readonly blades;
  private readonly saving = h("div", { class: "refocus-saving", hidden: true });
  private readonly bar = h("progress", { max: 1, value: 0, "aria-label": "Drawing the picture at full size" });
  private readonly buttons: HTMLButtonElement[];
  private quality: "fast" | "fine" = "fine";
  private result: DepthResult | null = null;
  private disparity: Float32Array = new Float32Array(0);
  private renderer: RefocusRenderer | null = null;
  private full: RefocusRenderer | null = null;
  private settled = 0;
  private wish = 0;
  private before = false;

  constructor(private readonly host: PanelHost) {
    this.picker = new Picker(
      {
        label: "The picture: arrow keys move a cross-hair, with shift by one pixel, Enter puts the focus there.",
        testid: "refocus-picture",
        pick: (pixel) => this.focusOn(pixel),
        words: ({ column, row }) => `${column}, ${row}: ${nearness(focusAt(this.disparity, this.result?.width ?? 1, column, row))}`,
      },
      this.original, this.canvas, this.mark, this.failed,
    );
    this.focus = slider({
      label: "Focus", id: "refocus-focus", min: 0, max: 1, step: 0.005, value: 0.7, words: nearness,
      input: () => {
        this.mark.hidden = true;
        this.redraw();
      },
    });
    this.aperture = slider({
      label: "Aperture", id: "refocus-aperture", min: 0, max: LARGEST_APERTURE, step: 0.001, value: 0.03,
      words: (share) => (share === 0 ? "closed: all sharp" : `blur up to ${(100 * share).toFixed(1)} % of the width`), input: () => this.redraw(),
    });
    this.highlights = slider({
      label: "Highlights", id: "refocus-highlights", min: 0, max: 6, step: 0.1, value: 1,
      words: (times) => (times === 0 ? "as they are" : `up to ${(1 + times).toFixed(1)} × brighter`), input: () => this.redraw(),
    });
    this.blades = h(
      "select", { id: "refocus-blades", "data-testid": "refocus-blades", change: () => this.redraw() },
      ...([[0, "Round"], [5, "5 blades"], [6, "6 blades"], [8, "8 blades"]] as const).map(([value, words]) => h("option", { value }, words)),
    );
    const quality = choice("Quality", "refocus-quality", [["fine", "Fine"], ["fast", "Fast"]] as const, (picked) => {
      this.quality = picked;
      this.redraw();
    });
    const shown = choice("Show", "refocus-shown", [["after", "Refocused"], ["before", "Photo"]] as const, (picked) => {
      this.before = picked === "before";
      this.canvas.hidden = this.before;
    });
    this.buttons = (["png", "jpeg"] as const).map((format) =>
      h(
        "button", { type: "button", class: "measure-button", "data-testid": `refocus-save-${format}`, click: () => void this.save(format) },
        icon(ICONS.download, 16), format.toUpperCase(),
      ),
    );
    this.saving.append(this.bar, h("button", { type: "button", "data-testid": "refocus-cancel", click: () => this.cancel() }, "Cancel"));
    this.element = h(
      "div", { class: "view-layout" },
      h("div", { class: "view-stage" }, this.picker.element),
      h(
        "div", { class: "view-side" },
        h("p", { class: "view-note" }, "Click what should be sharp."),
        this.focus.element, this.aperture.element, this.highlights.element,
        h("div", { class: "view-row" }, h("label", { for: "refocus-blades" }, "Aperture shape"), this.blades),
        h("div", { class: "view-row" }, shown.element, quality.element),
        h("div", { class: "view-row" }, h("span", {}, "Save full size"), ...this.buttons),
        this.saving,
      ),
    );
  }

  show(result: DepthResult): void {
    const before = this.result;
    this.result = result;
    if (before !== null && before.image === result.image && before.values === result.values) return;
    this.disparity = crisp(relativeDisparity(result), result.width, Math.max(2, Math.round(result.width * EDGE_REACH)));
    this.picker.setPicture(result.image, result.width, result.height);
    drawPicture(this.original, result.image);
    this.mark.hidden = true;
    if (before?.image !== result.image || this.renderer === null) this.focus.set(this.firstFocus(result));
    this.release();
    this.failed.hidden = true;
    try {
      this.renderer = this.rendererFor(this.canvas, PREVIEW_PIXELS);
      if (this.renderer.software && this.renderer.width * this.renderer.height > SOFTWARE_PREVIEW) {
        this.renderer.dispose();
        this.renderer = this.rendererFor(this.canvas, SOFTWARE_PREVIEW);
      }
    } catch (error) {
      this.fail(error instanceof Error && error.message === "no WebGL 2" ? NO_WEBGL : TOO_MUCH);
      return;
    }
    this.redraw();
  }

  hide(): void {
    this.full?.stop();
    this.release();
    this.result = null;
  }

  dispose(): void {
    this.hide();
    this.canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
    this.element.remove();
  }

  private newCanvas(): HTMLCanvasElement {
    const canvas = h("canvas", { class: "refocus-canvas", "aria-hidden": "true", "data-testid": "refocus-canvas" });
    canvas.addEventListener("webglcontextlost", () => {
      if (this.renderer === null) return; // given up on purpose
      this.release();
      this.fail("The graphics driver gave up on this view: open another tab and come back, or reload the page.");
      const fresh = this.newCanvas(); // a lost context never comes back to its canvas unasked
      this.canvas.replaceWith(fresh);
      this.canvas = fresh;
      this.result = null;
    });
    return canvas;
  }

  /** The middle of the picture, a little below its centre, is what most photos are of. */
  private firstFocus({ width, height }: DepthResult): number {
    return focusAt(this.disparity, width, width >> 1, Math.round(height * 0.55), Math.max(2, Math.round(width / 40)));
  }

  private focusOn(pixel: Pixel): void {
    const { result } = this;
    if (result === null) return;
    this.focus.set(focusAt(this.disparity, result.width, pixel.column, pixel.row));
    this.picker.place(this.mark, pixel);
    this.mark.hidden = false;
    this.host.say(`Focus ${nearness(this.focus.get())}.`);
    this.redraw();
  }

  private look(samples: number): Look {
    return {
      focus: this.focus.get(), aperture: this.aperture.get(), blades: Number(this.blades.value), highlights: this.highlights.get(), samples,
    };
  }

  /** Draw a draft now and the chosen quality once nothing has changed for a moment. */
  private redraw(): void {
    clearTimeout(this.settled);
    this.canvas.dataset["state"] = "drawing";
    this.canvas.dataset["focus"] = String(this.focus.get());
    void this.refine(++this.wish);
  }

  private async refine(wish: number): Promise<void> {
    const { renderer } = this;
    const settled = new Promise((resolve) => {
      this.settled = window.setTimeout(resolve, SETTLED_MS);
    });
    const began = performance.now();
    if (renderer === null || !(await renderer.draw(this.look(SAMPLES.draft)))) return;
    const spent = performance.now() - began;
    const pixels = renderer.width * renderer.height;
    if (spent > DRAFT_MS && pixels > SMALLEST_PREVIEW) {
      this.release();
      this.renderer = this.rendererFor(this.canvas, Math.max(SMALLEST_PREVIEW, (pixels * DRAFT_MS) / spent / 2));
      this.redraw();
      return;
    }
    await settled;
    if (wish !== this.wish || this.renderer !== renderer) return;
    const samples = renderer.affordable(SAMPLES[this.quality], PATIENCE_MS[this.quality]);
    if (samples > SAMPLES.draft && !(await renderer.draw(this.look(samples)))) return;
    this.canvas.dataset["state"] = "done";
  }

  private async save(format: "png" | "jpeg"): Promise<void> {
    const { result } = this;
    if (result === null || this.full !== null) return;
    const canvas = h("canvas", {});
    this.saving.hidden = false;
    this.bar.value = 0;
    for (const button of this.buttons) button.disabled = true;
    try {
      this.full = this.rendererFor(canvas, DOWNLOAD_PIXELS);
      const { width, height } = this.full;
      const samples = this.renderer?.affordable(SAMPLES.fine, PATIENCE_MS.full, width * height) ?? SAMPLES.fast;
      const done = await this.full.draw(this.look(samples), (share) => {
        this.bar.value = share;
      });
      const blob = done ? await this.full.blob(`image/${format}`) : null;
      const stem = result.name.replace(/\.[^.]*$/, "");
      if (blob !== null) saveBlob(blob, `${stem}-refocused.${format === "png" ? "png" : "jpg"}`);
      else if (canvas.getContext("webgl2")?.isContextLost()) this.fail(TOO_MUCH);
    } catch {
      this.fail(TOO_MUCH);
    } finally {
      this.full?.dispose();
      this.full = null;
      canvas.getContext("webgl2")?.getExtension("WEBGL_lose_context")?.loseContext();
      canvas.width = canvas.height = 0;
      this.saving.hidden = true;
      for (const button of this.buttons) button.disabled = false;
    }
  }

  private cancel(): void {
    this.full?.stop();
    this.saving.hidden = true;
  }

  private rendererFor(canvas: HTMLCanvasElement, pixels: number): RefocusRenderer {
    const { image, width, height } = this.result as DepthResult;
    const share = Math.min(1, Math.sqrt(pixels / (image.width * image.height)));
    const picture = h("canvas", { width: Math.max(1, Math.round(image.width * share)), height: Math.max(1, Math.round(image.height * share)) });
    const context = picture.getContext("2d");
    if (context === null) throw new Error("too large");
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, picture.width, picture.height);
    try {
      return new RefocusRenderer(canvas, picture, { values: this.disparity, width, height });
    } finally {
      picture.width = picture.height = 0;
    }
  }

  private release(): void {
    clearTimeout(this.settled);
    this.wish++;
    const { renderer } = this;
    this.renderer = null;
    renderer?.dispose();
  }

  private fail(sentence: string): void {
    this.failed.textContent = sentence;
    this.failed.hidden = false;
  }
}

function nearness(disparity: number): string {
  if (disparity > 0.97) return "at the near end";
  if (disparity < 0.03) return "at the far end";
  return `${Math.round(100 * disparity)} % towards the near end`;
}
