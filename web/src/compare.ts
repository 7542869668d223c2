/** The photo and its map in one place, with a slider between them, a pointer read-out and the legend. */

import { paint } from "./colour";
import type { DepthResult } from "./depth";
import { h } from "./dom";
import { Legend } from "./legend";
import type { Point } from "./mask";
import type { Panel } from "./panel";
import { readAt, sayReadout } from "./readout";
import { Stage, drawPicture, moved } from "./stage";
import type { Store } from "./store";

const TOUCH = matchMedia("(pointer: coarse)").matches;

export class ComparePanel implements Panel {
  readonly element: HTMLElement;
  private readonly photo = h("canvas", { class: "layer photo", "aria-hidden": "true" });
  private readonly map = h("canvas", { class: "layer map", "data-testid": "map", "aria-hidden": "true" });
  private readonly handle: HTMLElement;
  private readonly stage: Stage;
  private readonly legend = new Legend();
  private readonly main = h("span", { class: "readout-main", "data-testid": "readout-value" });
  private readonly extra = h("span", { class: "readout-extra" });
  private readonly place = h("span", { class: "readout-place", "data-testid": "readout-pixel" });
  private readonly live = h("p", { class: "visually-hidden", role: "status", "aria-live": "polite" });
  private readonly buttons: HTMLButtonElement[];
  private result: DepthResult | null = null;
  private point: Point | null = null;
  private share = 50;
  private visible = false;
  private stale = true;
  private frame = 0;
  private saying: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly store: Store) {
    this.handle = h(
      "div",
      {
        class: "handle",
        role: "slider",
        tabindex: 0,
        "aria-label": "Share of the photo shown beside its map",
        "aria-valuemin": 0,
        "aria-valuemax": 100,
        "aria-orientation": "horizontal",
        "data-testid": "compare-slider",
        pointerdown: (event: PointerEvent) => this.drag(event),
        keydown: (event: KeyboardEvent) => this.slideByKey(event),
      },
      h("span", { class: "grip" }),
    );
    this.stage = new Stage(
      "Photo and map. Arrow keys move a cross-hair that reads the value.",
      this.photo,
      this.map,
      h("span", { class: "tag tag-left", "aria-hidden": "true" }, "Photo"),
      h("span", { class: "tag tag-right", "aria-hidden": "true" }, "Map"),
      this.handle,
    );
    this.stage.fit.dataset["testid"] = "compare-stage";
    this.listen();
    this.buttons = [
      ["Photo", 100],
      ["Half and half", 50],
      ["Map", 0],
    ].map(([text, share]) =>
      h(
        "button",
        { type: "button", class: "segment", "data-share": share, click: () => this.slide(Number(share)) },
        String(text),
      ),
    );
    this.element = h(
      "div",
      { class: "compare" },
      this.stage.element,
      h(
        "div",
        { class: "under-stage" },
        h("div", { class: "segments", role: "group", "aria-label": "What is shown" }, ...this.buttons),
        h("p", { class: "readout", "data-testid": "readout" }, this.main, this.extra, this.place),
      ),
      this.legend.element,
      this.live,
    );
    store.on("view", () => this.repaint());
    this.slide(50);
    this.read(null);
  }

  show(result: DepthResult): void {
    const sameMap = this.result?.values === result.values;
    if (this.result?.image !== result.image) drawPicture(this.photo, result.image);
    if (this.result?.width !== result.width || this.result.height !== result.height || this.result.image !== result.image) {
      this.point = null;
    }
    this.result = result;
    this.visible = true;
    this.stage.setSize(result.width, result.height);
    if (!sameMap || this.stale) this.repaint();
    this.read(this.point);
  }

  hide(): void {
    this.visible = false;
  }

  dispose(): void {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.saying);
  }

  private listen(): void {
    const { fit } = this.stage;
    fit.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse" || event.buttons > 0) this.read(this.stage.clamp(this.stage.pixelAt(event)));
    });
    fit.addEventListener("pointerdown", (event) => this.read(this.stage.clamp(this.stage.pixelAt(event))));
    fit.addEventListener("keydown", (event) => {
      if (event.target !== fit || !this.result) return;
      const next = moved(this.point ?? { x: this.result.width / 2, y: this.result.height / 2 }, event);
      if (!next) return;
      event.preventDefault();
      this.read(this.stage.clamp(next));
      this.say();
    });
  }

  private drag(event: PointerEvent): void {
    event.preventDefault();
    event.stopPropagation();
    this.handle.focus();
    this.handle.setPointerCapture(event.pointerId);
    const move = (at: PointerEvent): void => {
      at.stopPropagation();
      const box = this.stage.fit.getBoundingClientRect();
      this.slide((100 * (at.clientX - box.left)) / box.width);
    };
    const end = (): void => {
      this.handle.removeEventListener("pointermove", move);
      this.handle.removeEventListener("pointerup", end);
      this.handle.removeEventListener("pointercancel", end);
    };
    this.handle.addEventListener("pointermove", move);
    this.handle.addEventListener("pointerup", end);
    this.handle.addEventListener("pointercancel", end);
  }

  private slideByKey(event: KeyboardEvent): void {
    const step = event.shiftKey ? 10 : 2;
    const to: Record<string, number> = {
      ArrowLeft: this.share - step,
      ArrowDown: this.share - step,
      ArrowRight: this.share + step,
      ArrowUp: this.share + step,
      PageDown: this.share - 10,
      PageUp: this.share + 10,
      Home: 0,
      End: 100,
    };
    const share = to[event.key];
    if (share === undefined) return;
    event.preventDefault();
    this.slide(share);
  }

  /** Show `share` percent of the photo, from the left. */
  private slide(share: number): void {
    this.share = Math.min(100, Math.max(0, share));
    const rounded = Math.round(this.share);
    this.stage.fit.style.setProperty("--share", `${this.share}%`);
    this.stage.fit.dataset["side"] = rounded < 12 ? "map" : rounded > 88 ? "photo" : "both";
    this.handle.setAttribute("aria-valuenow", String(rounded));
    this.handle.setAttribute("aria-valuetext", `${rounded} % photo, ${100 - rounded} % map`);
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(Number(button.dataset["share"]) === rounded));
  }

  private repaint(): void {
    this.stale = true;
    if (!this.visible || this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (!this.result || !this.visible) return;
      const { colormap, low, high } = this.store.view;
      paint(this.map, this.result, colormap, low, high);
      this.legend.show(this.result, this.store.sorted, colormap, low, high);
      this.stale = false;
      this.read(this.point);
    });
  }

  private read(point: Point | null): void {
    this.point = point;
    this.stage.showCross(point);
    if (!point || !this.result) {
      this.main.textContent = "";
      this.extra.textContent = this.result ? `${TOUCH ? "Tap" : "Point at"} the picture to read a value` : "";
      this.place.textContent = "";
      if (this.result) this.legend.mark(this.result, Number.NaN, 0, 1);
      return;
    }
    const readout = readAt(this.result, this.store.sorted, point.x, point.y);
    this.main.textContent = readout.main;
    this.extra.textContent = readout.extra;
    this.place.textContent = `x ${readout.x}, y ${readout.y}`;
    this.element.dataset["value"] = String(readout.value);
    this.legend.mark(this.result, readout.value, this.store.view.low, this.store.view.high);
  }

  /** Tell a screen reader, once the keys rest. */
  private say(): void {
    clearTimeout(this.saying);
    this.saying = setTimeout(() => {
      if (!this.point || !this.result) return;
      this.live.textContent = sayReadout(readAt(this.result, this.store.sorted, this.point.x, this.point.y));
    }, 250);
  }
}
