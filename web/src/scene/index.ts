/**
 * The 3D tab. Exports `scenePanel(host): Panel`.
 *
 * data-testid: scene-canvas (data-vertices, data-triangles, data-step, data-frames: frames drawn so far, data-shape:
 * metric|scale|guessed), scene-style-mesh, scene-style-points, scene-from-free, scene-from-above, scene-reset, scene-fov,
 * scene-strength, scene-edges, scene-point-size, scene-height, scene-sway, scene-note, scene-scale-bar, scene-failed.
 */

import "./scene.css";
import type { DepthResult } from "../depth";
import { h } from "../dom";
import type { Panel, PanelHost } from "../panel";
import { gridOf, limitsFor, linksOf, MOST_VERTICES, solidPoints, trianglesOf } from "./grid";
import { LARGEST_FOV_DEG, type Lens, lensOf, SMALLEST_FOV_DEG } from "./lens";
import { scaleBar } from "./scale_bar";
import { DEFAULT_STRENGTH, shapeIsUnknown, shapeOf, STRENGTHS } from "./shape";
import { choice, slider } from "./slider";
import { SceneView } from "./view";

const NO_WEBGL =
  "The 3D view needs WebGL 2, which this browser doesn't offer: switch on hardware acceleration in its settings, or download a GLB and open it elsewhere.";
const HELP = "3D view: arrow keys turn, shift and arrow keys move, plus and minus zoom, 0 resets.";
const EDGES = 0.5;
const HEIGHT = 0.8;

export function scenePanel(host: PanelHost): Panel {
  return new ScenePanel(host);
}

class ScenePanel implements Panel {
  readonly element: HTMLElement;
  private readonly canvas = h("canvas", {
    class: "scene-canvas", tabindex: 0, role: "img", "aria-label": HELP, "data-testid": "scene-canvas", "data-frames": 0,
  });
  private readonly note = h("p", { class: "view-note", "data-testid": "scene-note" });
  private readonly bar = h("span", { class: "scene-bar-line" });
  private readonly barWords = h("span", {});
  private readonly scale = h("div", { class: "scene-bar", hidden: true, "data-testid": "scene-scale-bar" }, this.barWords, this.bar);
  private readonly failed = h("p", { class: "view-failed", role: "alert", hidden: true, "data-testid": "scene-failed" });
  private readonly fov;
  private readonly strength;
  private readonly edges;
  private readonly pointSize;
  private readonly height;
  private readonly sway = h("input", { type: "checkbox", id: "scene-sway", "data-testid": "scene-sway" });
  private readonly calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  private readonly dark = window.matchMedia("(prefers-color-scheme: dark)");
  private readonly sizes: ResizeObserver;
  private readonly theme: MutationObserver;
  private view: SceneView | null = null;
  private result: DepthResult | null = null;
  private fromAbove = false;
  private stale = 0;
  private frames = 0;

  constructor(private readonly host: PanelHost) {
    this.fov = slider({
      label: "Field of view", id: "scene-fov", min: SMALLEST_FOV_DEG, max: LARGEST_FOV_DEG, step: 1, value: 60,
      words: (degrees) => `${degrees.toFixed(0)}°`,
      input: this.rebuildSoon,
      change: (degrees) => this.host.setFieldOfView(degrees),
    });
    this.strength = slider({
      label: "Depth strength", id: "scene-strength", min: Math.log(STRENGTHS[0]), max: Math.log(STRENGTHS[1]), step: 0.01,
      value: Math.log(DEFAULT_STRENGTH), words: (log) => `far = ${Math.exp(log).toFixed(1)} × near`, input: this.rebuildSoon,
    });
    this.edges = slider({
      label: "Cut edges", id: "scene-edges", min: 0, max: 1, step: 0.01, value: EDGES,
      words: (share) => (share === 0 ? "off" : `jumps over ${(100 * limitsFor(share).jump).toPrecision(2)} %`), input: this.rebuildSoon,
    });
    this.pointSize = slider({
      label: "Point size", id: "scene-point-size", min: 0.2, max: 4, step: 0.1, value: 1.2, words: (size) => `× ${size.toFixed(1)}`,
      input: (size) => this.view?.setPointSize(size),
    });
    this.height = slider({
      label: "Show up to", id: "scene-height", min: 0.05, max: 1, step: 0.01, value: HEIGHT,
      words: (share) => (share === 1 ? "everything" : `${(100 * share).toFixed(0)} % of the height`),
      input: (share) => this.view?.setHighest(share),
    });
    const style = choice("Draw as", "scene-style", [["mesh", "Surface"], ["points", "Points"]] as const, (picked) => {
      this.view?.setStyle(picked);
      this.pointSize.element.hidden = picked === "mesh";
    });
    const from = choice("Seen", "scene-from", [["free", "Free"], ["above", "From above"]] as const, (picked) => {
      this.fromAbove = picked === "above";
      this.view?.setFromAbove(this.fromAbove);
      this.height.element.hidden = !this.fromAbove;
    });
    this.pointSize.element.hidden = true;
    this.height.element.hidden = true;
    const reset = h("button", { type: "button", "data-testid": "scene-reset", click: () => this.view?.reset() }, "Reset view");
    this.sway.addEventListener("change", this.applySway);
    const sway = h("label", { class: "view-check" }, this.sway, "Sway slowly");
    this.element = h(
      "div", { class: "view-layout" },
      h("div", { class: "view-stage scene-stage" }, this.canvas, this.scale, this.failed),
      h(
        "div", { class: "view-side" },
        h("div", { class: "view-row" }, style.element, from.element),
        this.fov.element, this.strength.element, this.edges.element, this.pointSize.element, this.height.element,
        h("div", { class: "view-row" }, reset, sway),
        this.note,
        h("p", { class: "view-help" }, "Drag to turn, two fingers or the right button to move, pinch or scroll to zoom. Keys: arrows, shift + arrows, + −, 0."),
      ),
    );
    this.canvas.addEventListener("keydown", (event) => {
      if (this.view?.key(event)) event.preventDefault();
    });
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.fail("The graphics driver gave up on the 3D view: it comes back by itself, or reload the page.");
    });
    this.canvas.addEventListener("webglcontextrestored", () => {
      this.failed.hidden = true;
    });
    this.sizes = new ResizeObserver(() => this.view?.resize());
    this.theme = new MutationObserver(this.applyTheme);
  }

  show(result: DepthResult): void {
    const before = this.result;
    if (this.view === null && !this.start()) return;
    const view = this.view as SceneView;
    this.result = result;
    this.fov.set(Math.round(lensOf(result).fovDeg));
    this.strength.element.hidden = !shapeIsUnknown(result);
    if (before?.values !== result.values) view.clear();
    if (before?.image !== result.image || before.values !== result.values) view.setPicture(result.image);
    this.rebuild();
  }

  hide(): void {
    cancelAnimationFrame(this.stale);
    this.stale = 0;
    this.result = null;
    this.view?.clear();
  }

  dispose(): void {
    this.hide();
    this.sizes.disconnect();
    this.theme.disconnect();
    this.dark.removeEventListener("change", this.applyTheme);
    this.calm.removeEventListener("change", this.applySway);
    this.view?.dispose();
    this.view = null;
    this.element.remove();
  }

  private start(): boolean {
    try {
      this.view = new SceneView(this.canvas);
    } catch {
      this.fail(NO_WEBGL);
      return false;
    }
    this.view.onFrame = () => {
      this.canvas.dataset["frames"] = String(++this.frames);
      this.tellScale();
    };
    this.view.setPointSize(this.pointSize.get());
    this.sizes.observe(this.canvas);
    this.theme.observe(document.documentElement, { attributes: true });
    this.dark.addEventListener("change", this.applyTheme);
    this.calm.addEventListener("change", this.applySway);
    this.applyTheme();
    this.applySway();
    this.view.resize();
    return true;
  }

  private readonly rebuildSoon = (): void => {
    if (this.stale === 0) this.stale = requestAnimationFrame(() => this.rebuild());
  };

  private rebuild(): void {
    cancelAnimationFrame(this.stale);
    this.stale = 0;
    const { result, view } = this;
    if (result === null || view === null) return;
    const lens = this.lens(result);
    const shape = shapeOf(result, lens, Math.exp(this.strength.get()));
    const grid = gridOf(shape.z, result.width, result.height, lens);
    const links = linksOf(grid, lens, limitsFor(this.edges.get()));
    const triangles = trianglesOf(grid, links);
    const points = solidPoints(grid, links);
    view.setSurface({ grid, lens, triangles, points });
    view.setHighest(this.height.get());
    this.canvas.dataset["vertices"] = String(points.length);
    this.canvas.dataset["triangles"] = String(triangles.length / 3);
    this.canvas.dataset["step"] = String(grid.step);
    this.canvas.dataset["shape"] = shape.guessed ? "guessed" : shape.metric ? "metric" : "scale";
    const sentences = [shape.sentence];
    if (points.length === 0) sentences.unshift("The map has no distance to show.");
    if (lens.assumed) sentences.push(`Nobody knows this camera's field of view: ${lens.fovDeg.toFixed(0)}° is assumed.`);
    if (grid.step > 1) {
      sentences.push(`Every ${ordinal(grid.step)} pixel is shown, to stay below ${MOST_VERTICES.toLocaleString("en")} points.`);
    }
    if (shape.leftOut > 0) sentences.push("What is very far away, such as sky, is left out.");
    this.note.textContent = sentences.join(" ");
  }

  /** The result's lens, or the slider's while it is being moved. */
  private lens(result: DepthResult): Lens {
    const lens = lensOf(result);
    const degrees = this.fov.get();
    if (Math.round(lens.fovDeg) === degrees) return lens;
    return { ...lensOf({ ...result, camera: { focalPx: null, fovDeg: degrees, source: "given" } }), assumed: false };
  }

  private tellScale(): void {
    const units = this.view?.unitsPerPixel ?? 0;
    this.scale.hidden = !this.fromAbove || this.canvas.dataset["shape"] !== "metric" || !(units > 0);
    if (this.scale.hidden) return;
    const { metres, pixels, words } = scaleBar(units);
    this.bar.style.width = `${pixels}px`;
    this.barWords.textContent = words;
    this.scale.dataset["metres"] = String(metres);
  }

  private readonly applyTheme = (): void => {
    const style = getComputedStyle(this.canvas);
    this.view?.setBackground(plain(style.backgroundColor), plain(style.color));
  };

  private readonly applySway = (): void => {
    this.sway.disabled = this.calm.matches;
    this.view?.setSway(this.sway.checked && !this.calm.matches);
  };

  private fail(sentence: string): void {
    this.failed.textContent = sentence;
    this.failed.hidden = false;
  }
}

/** Any CSS colour as #rrggbb. */
function plain(colour: string): string {
  const context = h("canvas", { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  if (context === null) return "#202020";
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return `#${[red, green, blue].map((level) => level.toString(16).padStart(2, "0")).join("")}`;
}

function ordinal(count: number): string {
  return count === 2 ? "second" : count === 3 ? "third" : `${count}th`;
}
