/** Fix glass: mark windows, glass and mirrors; the server paints over them and predicts again. */

import { paint, robustRange, sortedSample } from "./colour";
import { drawDifference, differenceLimit } from "./difference";
import type { DepthResult } from "./depth";
import { h } from "./dom";
import { GlassTools, type Tool } from "./glass_tools";
import { format, Legend } from "./legend";
import {
  addClasses,
  copyMask,
  countMarked,
  difference,
  emptyMask,
  fillPolygon,
  flip,
  stroke,
  tint,
  type Mask,
  type Point,
} from "./mask";
import type { Panel } from "./panel";
import { dropFix, findGlass, fixGlass } from "./predict";
import { Stage, drawPicture, moved } from "./stage";
import type { Item, Store } from "./store";

type Look = "mark" | "before" | "after" | "change";
const LOOKS: readonly (readonly [Look, string])[] = [
  ["mark", "Mark"],
  ["before", "Before"],
  ["after", "After"],
  ["change", "Difference"],
];
const ACCENT: readonly [number, number, number] = [0, 170, 255];
const UNDOS = 50;

export class GlassPanel implements Panel {
  readonly element: HTMLElement;
  private readonly photo = h("canvas", { class: "layer", "aria-hidden": "true" });
  private readonly map = h("canvas", { class: "layer", "data-testid": "glass-map", hidden: true, "aria-hidden": "true" });
  private readonly overlay = h("canvas", { class: "layer overlay", "data-testid": "glass-mask", "aria-hidden": "true" });
  private readonly lines = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  private readonly stage: Stage;
  private readonly tools: GlassTools;
  private readonly looks: Map<Look, HTMLButtonElement>;
  private readonly legend = new Legend();
  private readonly words = h("p", { class: "hint", role: "status", "data-testid": "glass-words" });
  private readonly drop = h(
    "button",
    {
      type: "button",
      class: "tool",
      hidden: true,
      "data-testid": "glass-drop",
      click: () => this.item && dropFix(this.store, this.item),
    },
    "Take the fix back",
  );
  private look: Look = "mark";
  private item: Item | null = null;
  private mask: Mask = emptyMask(1, 1);
  private readonly masks = new WeakMap<Item, { mask: Mask; undo: Uint32Array[] }>();
  private undo: Uint32Array[] = [];
  private polygon: Point[] = [];
  private point: Point | null = null;
  private visible = false;

  constructor(
    private readonly store: Store,
    private readonly fail: (error: unknown) => void,
  ) {
    this.stage = new Stage(
      "Photo to mark glass on. Arrow keys move the tool, Enter or Space marks.",
      this.photo,
      this.map,
      this.overlay,
    );
    this.lines.setAttribute("class", "layer lines");
    this.lines.setAttribute("aria-hidden", "true");
    this.stage.fit.append(this.lines);
    this.stage.fit.classList.add("drawing");
    this.stage.fit.dataset["testid"] = "glass-stage";
    this.tools = new GlassTools({
      undo: () => this.takeBack(),
      clear: () => this.edit((mask) => mask.pixels.fill(0)),
      find: () => void this.find(),
      fix: () => void this.fix(),
      choose: (tool) => this.choose(tool),
    });
    this.looks = new Map(
      LOOKS.map(([look, label]) => [
        look,
        h(
          "button",
          { type: "button", class: "segment", "data-testid": `glass-${look}`, click: () => this.setLook(look) },
          label,
        ),
      ]),
    );
    this.element = h(
      "div",
      { class: "glass" },
      this.tools.element,
      this.stage.element,
      h(
        "div",
        { class: "under-stage" },
        h("div", { class: "segments", role: "group", "aria-label": "What is shown" }, ...this.looks.values()),
        this.words,
        this.drop,
      ),
      this.legend.element,
    );
    this.listen();
    store.on("view", () => this.refresh());
    store.on("busy", () => this.tools.setWorking(store.busy !== null));
    const setCanFind = (): void => this.tools.setCanFind(store.about?.tom_auto ?? false);
    store.on("about", setCanFind);
    setCanFind();
  }

  show(result: DepthResult): void {
    const item = this.store.current;
    if (!item) return;
    if (item !== this.item) {
      this.item = item;
      this.polygon = [];
      this.point = null;
      this.look = "mark";
      const kept = this.masks.get(item) ?? { mask: emptyMask(result.width, result.height), undo: [] };
      this.masks.set(item, kept);
      this.mask = kept.mask;
      this.undo = kept.undo;
      drawPicture(this.photo, result.image);
      this.stage.setSize(result.width, result.height);
      this.lines.setAttribute("viewBox", `-0.5 -0.5 ${result.width} ${result.height}`);
      this.stage.showCross(null);
    }
    this.visible = true;
    this.refresh();
  }

  hide(): void {
    this.visible = false;
  }

  dispose(): void {
    this.visible = false;
  }

  private listen(): void {
    const { fit } = this.stage;
    fit.addEventListener("pointerdown", (event) => this.press(event));
    fit.addEventListener("dblclick", () => this.closePolygon());
    fit.addEventListener("keydown", (event) => {
      if (!this.item || event.target !== fit) return;
      const next = moved(this.point ?? { x: this.mask.width / 2, y: this.mask.height / 2 }, event);
      if (next) {
        this.point = this.stage.clamp(next);
        this.stage.showCross(this.point);
      } else if (event.key === " " || event.key === "Enter") {
        this.markAt(this.point, event.key === "Enter" && event.shiftKey);
      } else if (event.key === "Escape") {
        this.polygon = [];
        this.drawLines();
      } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
        this.takeBack();
      } else return;
      event.preventDefault();
    });
  }

  private markAt(point: Point | null, close: boolean): void {
    if (!point || this.look !== "mark") return;
    if (this.tools.tool === "polygon") {
      if (close) this.closePolygon();
      else this.addCorner(point);
    } else this.edit((mask) => stroke(mask, point, point, this.radius, this.tools.tool === "brush" ? 1 : 0));
  }

  /** The brush's radius in map pixels: a share of the picture, so that it feels the same on any. */
  private get radius(): number {
    return Math.max(0.6, (this.tools.size / 200) * Math.max(this.mask.width, this.mask.height) * 0.25);
  }

  private press(event: PointerEvent): void {
    if (this.look !== "mark" || event.button !== 0) return;
    event.preventDefault();
    this.stage.fit.focus({ preventScroll: true });
    let from = this.stage.pixelAt(event);
    this.point = this.stage.clamp(from);
    if (this.tools.tool === "polygon") {
      if (event.detail < 2) this.addCorner(from);
      return;
    }
    const value = this.tools.tool === "brush" ? 1 : 0;
    const before = copyMask(this.mask);
    stroke(this.mask, from, from, this.radius, value);
    this.drawMask();
    this.stage.fit.setPointerCapture(event.pointerId);
    const move = (at: PointerEvent): void => {
      const to = this.stage.pixelAt(at);
      stroke(this.mask, from, to, this.radius, value);
      from = to;
      this.drawMask();
    };
    const end = (): void => {
      this.stage.fit.removeEventListener("pointermove", move);
      this.stage.fit.removeEventListener("pointerup", end);
      this.stage.fit.removeEventListener("pointercancel", end);
      this.remember(before);
    };
    this.stage.fit.addEventListener("pointermove", move);
    this.stage.fit.addEventListener("pointerup", end);
    this.stage.fit.addEventListener("pointercancel", end);
  }

  private addCorner(point: Point): void {
    const first = this.polygon[0];
    const near = 12 * this.stage.pixelsPerScreenPixel;
    if (first && this.polygon.length > 2 && Math.hypot(point.x - first.x, point.y - first.y) < near) this.closePolygon();
    else {
      this.polygon.push(point);
      this.drawLines();
    }
    this.tell();
  }

  private closePolygon(): void {
    if (this.tools.tool !== "polygon" || this.polygon.length < 3) return;
    const corners = this.polygon;
    this.polygon = [];
    this.edit((mask) => fillPolygon(mask, corners, 1));
    this.drawLines();
  }

  private edit(change: (mask: Mask) => void): void {
    const before = copyMask(this.mask);
    change(this.mask);
    this.remember(before);
    this.drawMask();
  }

  private remember(before: Mask): void {
    const changed = difference(before, this.mask);
    if (changed.length > 0) this.undo.push(changed);
    if (this.undo.length > UNDOS) this.undo.shift();
    this.tell();
  }

  private takeBack(): void {
    if (this.polygon.length > 0) this.polygon.pop();
    else {
      const changed = this.undo.pop();
      if (changed) flip(this.mask, changed);
    }
    this.drawMask();
    this.drawLines();
    this.tell();
  }

  private choose(tool: Tool): void {
    if (tool !== "polygon") this.polygon = [];
    this.setLook("mark");
  }

  private async find(): Promise<void> {
    const item = this.item;
    if (!item) return;
    try {
      const found = await findGlass(this.store, item);
      if (item !== this.item) return;
      const before = countMarked(this.mask);
      this.edit((mask) => addClasses(mask, found.classes, found.width, found.height));
      if (countMarked(this.mask) === before) this.words.textContent = "No glass or mirror was found: mark it by hand.";
    } catch (error) {
      this.fail(error);
    }
  }

  private async fix(): Promise<void> {
    const item = this.item;
    if (!item || countMarked(this.mask) === 0) return;
    this.closePolygon();
    try {
      await fixGlass(this.store, item, { mask: copyMask(this.mask), colours: this.tools.colours });
      if (item === this.item) this.setLook("after");
    } catch (error) {
      this.fail(error);
    }
  }

  private setLook(look: Look): void {
    this.look = look;
    this.refresh();
  }

  private refresh(): void {
    if (!this.visible || !this.item) return;
    const { result, unfixed } = this.item;
    const comparable = unfixed !== null && unfixed.kind === result.kind;
    if ((unfixed === null && this.look !== "mark") || (this.look === "change" && !comparable)) this.look = "mark";
    for (const [look, button] of this.looks) {
      button.setAttribute("aria-pressed", String(look === this.look));
      button.disabled = look !== "mark" && (unfixed === null || (look === "change" && !comparable));
    }
    this.map.hidden = this.look === "mark";
    this.drop.hidden = unfixed === null;
    const { colormap, low, high } = this.store.view;
    if (this.look === "change" && unfixed) drawDifference(this.map, unfixed, result);
    else if (this.look !== "mark") {
      const shown = this.look === "before" && unfixed ? unfixed : result;
      const [from, to] = shown.kind === result.kind ? [low, high] : robustRange(sortedSample(shown));
      paint(this.map, shown, colormap, from, to);
      this.legend.show(shown, shown === result ? this.store.sorted : sortedSample(shown), colormap, from, to);
    }
    this.legend.element.hidden = this.look === "mark" || this.look === "change";
    this.stage.fit.classList.toggle("drawing", this.look === "mark");
    this.drawMask();
    this.drawLines();
    this.tell();
  }

  private drawMask(): void {
    const { width, height } = this.mask;
    if (this.overlay.width !== width) this.overlay.width = width;
    if (this.overlay.height !== height) this.overlay.height = height;
    const context = this.overlay.getContext("2d");
    if (!context) return;
    const pixels = context.createImageData(width, height);
    tint(this.mask, pixels.data, ACCENT, this.look === "mark" ? 110 : 0);
    context.putImageData(pixels, 0, 0);
  }

  private drawLines(): void {
    const thick = 2 * this.stage.pixelsPerScreenPixel;
    const shapes = this.polygon.map(({ x, y }, i) => {
      const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      for (const [name, value] of Object.entries({ cx: x, cy: y, r: (i === 0 ? 3 : 2) * thick }))
        dot.setAttribute(name, String(value));
      return dot;
    });
    const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    line.setAttribute("points", this.polygon.map(({ x, y }) => `${x},${y}`).join(" "));
    line.setAttribute("stroke-width", String(thick));
    this.lines.replaceChildren(line, ...shapes);
  }

  private tell(): void {
    const marked = countMarked(this.mask);
    this.tools.setState(marked > 0, this.undo.length > 0 || this.polygon.length > 0);
    if (this.look === "change" && this.item?.unfixed) {
      const limit = differenceLimit(this.item.unfixed, this.item.result);
      this.words.textContent = `Orange came closer, blue went farther; full colour is a change of ${format(limit)}.`;
    } else if (this.polygon.length > 0) {
      this.words.textContent = `${this.polygon.length} corners: click the first one again, or press Shift+Enter, to close the outline.`;
    } else if (marked === 0) {
      this.words.textContent = "Paint over windows, glass and mirrors, then press Fix.";
    } else {
      const share = (100 * marked) / this.mask.pixels.length;
      this.words.textContent = `${Number(share.toPrecision(2))} % of the picture is marked.`;
    }
  }
}
