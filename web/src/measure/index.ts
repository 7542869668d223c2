/**
 * The measure tab. Exports `measurePanel(host): Panel`, and of ./metric `makeMetric(result, scale, shift, known?)`,
 * `undoMetric(result)`, `fitKnown(result, points)`, `corrected`, `depthAt`, `isMetric`.
 *
 * data-testid: measure-picture (click, or arrow keys and Enter), measure-mode-line, measure-mode-distance,
 * measure-mode-length, measure-sentence, measure-refusal, measure-item (data-metres, data-z), measure-delete, measure-copy,
 * measure-known (one row), measure-known-input, measure-known-delete, measure-length-input, measure-fit (data-scale,
 * data-shift, data-residual), measure-undo.
 */

import "../scene/scene.css";
import "./measure.css";
import type { DepthResult, KnownPoint } from "../depth";
import { h, icon, ICONS, saveBlob } from "../dom";
import type { Panel, PanelHost } from "../panel";
import { lensOf } from "../scene/lens";
import { choice } from "../scene/slider";
import { inWords, lengthOf, type Measurement, type Pixel, toCsv } from "./distance";
import { Marks } from "./marks";
import { baseOf, corrected, depthAt, fitKnown, isMetric, makeMetric, needsShift, percent, undoMetric } from "./metric";
import { drawPicture, Picker } from "./picker";

export { corrected, depthAt, fitKnown, isMetric, makeMetric, undoMetric } from "./metric";

/** Known distances that the fit misses by more than this, on average, don't agree. */
const DOUBTFUL = 0.1;

type Mode = "line" | "distance" | "length";

/** A point whose distance is being entered: NaN until it is. */
interface Row extends Pixel {
  readonly metres: number;
}

export function measurePanel(host: PanelHost): Panel {
  return new MeasurePanel(host);
}

class MeasurePanel implements Panel {
  readonly element: HTMLElement;
  private readonly canvas = h("canvas", { "aria-hidden": "true" });
  private readonly marks = new Marks();
  private readonly picker: Picker;
  private readonly mode;
  private readonly sentence = h("p", { class: "view-note", "data-testid": "measure-sentence" });
  private readonly refusal = h("p", { class: "measure-refusal", role: "alert", hidden: true, "data-testid": "measure-refusal" });
  private readonly lists = h("div", { class: "measure-lists" });
  private readonly assumed = h("p", { class: "view-help" });
  private result: DepthResult | null = null;
  private picked: Mode = "line";
  private open: Pixel | null = null;
  private measurements: Measurement[] = [];
  private rows: Row[] = [];
  private asked: Measurement | null = null;
  private nextId = 1;

  constructor(private readonly host: PanelHost) {
    this.picker = new Picker(
      {
        label: "The picture: arrow keys move a cross-hair, with shift by one pixel, Enter sets a point.",
        testid: "measure-picture",
        pick: (pixel) => this.pick(pixel),
        words: (pixel) => this.inWords(pixel),
      },
      this.canvas, this.marks.lines, this.marks.labels,
    );
    this.mode = choice(
      "What a click means", "measure-mode",
      [["line", "Measure"], ["distance", "Known distance"], ["length", "Known length"]] as const,
      (mode) => this.setMode(mode),
    );
    this.element = h(
      "div", { class: "view-layout" },
      h("div", { class: "view-stage" }, this.picker.element),
      h(
        "div", { class: "view-side" },
        this.mode.element, this.sentence, this.refusal, this.lists, this.assumed,
      ),
    );
  }

  show(result: DepthResult): void {
    const before = this.result;
    this.result = result;
    const sameMap = before !== null && baseOf(before).values === baseOf(result).values;
    if (before === null || before.image !== result.image) drawPicture(this.canvas, result.image);
    if (!sameMap) {
      this.measurements = [];
      this.open = null;
      this.asked = null;
      this.picked = isMetric(result) ? "line" : "distance";
      this.mode.set(this.picked);
      this.picker.setPicture(result.image, result.width, result.height);
      this.refuse(null);
    }
    const known = (result.known ?? []).map(({ x, y, metres }) => ({ column: x, row: y, metres }));
    if (!sameMap || before.known !== result.known) this.rows = result.before === undefined ? (sameMap ? this.rows : []) : known;
    this.draw();
  }

  hide(): void {
    this.open = null;
  }

  dispose(): void {
    this.result = null;
    this.canvas.width = this.canvas.height = 0;
    this.element.remove();
  }

  private setMode(mode: Mode): void {
    this.picked = mode;
    this.open = null;
    this.asked = null;
    this.refuse(null);
    this.draw();
  }

  private pick(pixel: Pixel): void {
    const { result } = this;
    if (result === null) return;
    this.refuse(null);
    if (!Number.isFinite(result.values[pixel.row * result.width + pixel.column]) && result.before === undefined) {
      this.refuse("The map has no value at this point: choose one beside it.");
      return;
    }
    if (this.picked === "distance") this.addRow(pixel);
    else if (this.open === null) this.open = pixel;
    else if (this.open.column === pixel.column && this.open.row === pixel.row) this.open = null;
    else {
      const measurement = { id: this.nextId++, a: this.open, b: pixel };
      this.open = null;
      if (this.picked === "length") this.asked = measurement;
      else {
        this.measurements = [...this.measurements, measurement];
        const { length } = lengthOf(result, measurement.a, measurement.b);
        this.host.say(isMetric(result) ? `Distance ${inWords(length)}.` : "The map isn't metric yet.");
      }
    }
    this.draw();
    if (this.picked === "distance") this.focus("measure-known-input");
    else if (this.asked !== null) this.focus("measure-length-input");
  }

  private addRow(pixel: Pixel): void {
    this.rows = [...this.rows.filter((row) => !Number.isNaN(row.metres)), { ...pixel, metres: Number.NaN }];
  }

  /** Fit the map to all distances entered, or take the metres back when there is none left. */
  private apply(): void {
    const { result } = this;
    if (result === null) return;
    const base = baseOf(result);
    const known: KnownPoint[] = this.rows
      .filter((row) => !Number.isNaN(row.metres))
      .map(({ column, row, metres }) => ({ x: column, y: row, metres }));
    this.refuse(null);
    if (known.length === 0) {
      if (result.before !== undefined) this.host.replace(undoMetric(result));
      this.draw();
      return;
    }
    const outcome = fitKnown(base, known);
    if ("refusal" in outcome) {
      this.refuse(outcome.refusal);
      this.draw();
      return;
    }
    this.host.replace(makeMetric(base, outcome.fit.scale, outcome.fit.shift, known));
    this.host.say("The map is metric now.");
  }

  private correct(metres: number): void {
    const { result, asked } = this;
    if (result === null || asked === null) return;
    const outcome = corrected(result, metres / lengthOf(result, asked.a, asked.b).length, asked.a.column, asked.a.row);
    if (outcome.metric === undefined) {
      this.refuse("refusal" in outcome ? outcome.refusal : null);
      return;
    }
    this.refuse(null);
    this.measurements = [...this.measurements, asked];
    this.asked = null;
    this.host.replace(outcome.metric);
    this.host.say("The map is metric now.");
  }

  private draw(): void {
    const { result } = this;
    if (result === null) return;
    const metric = isMetric(result);
    const lines = [...this.measurements, ...(this.asked === null ? [] : [this.asked])].map((measurement, index) => ({
      ...measurement,
      label: metric ? inWords(lengthOf(result, measurement.a, measurement.b).length) : `line ${index + 1}`,
    }));
    const numbered = this.rows.map((row, index) => ({ ...row, label: String(index + 1) }));
    this.marks.draw(this.picker, result.width, result.height, lines, this.open === null ? [] : [this.open], numbered);
    this.sentence.textContent = this.advice(result);
    const lens = lensOf(result);
    this.assumed.textContent = lens.assumed
      ? `Nobody knows this camera's field of view: ${lens.fovDeg.toFixed(0)}° is assumed, so lengths across the picture are a guess; set it under Camera.`
      : "";
    this.lists.replaceChildren(...this.knownList(result), ...this.lengthForm(), ...this.measurementList(result));
  }

  private advice(result: DepthResult): string {
    const metric = isMetric(result);
    if (result.ambiguity === "ordinal") return "This map tells only what is closer and what is farther: nothing in it can be measured.";
    if (this.picked === "line") {
      if (metric) return this.open === null ? "Click two points: the straight line between them is measured." : "Now the second point.";
      return "This map has no metres yet: enter a known distance first, then lines have a length.";
    }
    if (this.picked === "length") {
      if (!metric && needsShift(baseOf(result))) {
        return "Scale and shift of this map are both unknown, and a line can't fix them: enter the distance of two points from the camera first.";
      }
      return this.open === null ? "Click both ends of something whose length you know." : "Now the other end.";
    }
    const entered = this.rows.filter((row) => !Number.isNaN(row.metres)).length;
    if (entered !== (result.known ?? []).length) return "The map stays as it was until the distances fit it.";
    if (!needsShift(baseOf(result))) return "Click a point and enter how far it is from the camera: one distance is enough.";
    if (entered === 0) return "Click a point and enter how far it is from the camera. Two points, one near and one far, make the map metric.";
    if (entered === 1) {
      return "One distance fixes only the scale; the shift is assumed to be 0, so other distances may be wrong: add a second point, much nearer or farther.";
    }
    return "Scale and shift are fixed. More points make the fit steadier.";
  }

  private knownList(result: DepthResult): HTMLElement[] {
    if (this.rows.length === 0) return [];
    const items = this.rows.map((row, index) => {
      const id = `measure-known-${index}`;
      const input = h("input", {
        id, type: "number", min: 0, step: "any", inputmode: "decimal", placeholder: "metres", "data-testid": "measure-known-input",
        value: Number.isNaN(row.metres) ? null : Number(row.metres.toPrecision(5)),
      });
      input.addEventListener("change", () => {
        this.rows = this.rows.map((other) => (other === row ? { ...row, metres: input.valueAsNumber } : other));
        this.apply();
      });
      const remove = () => {
        this.rows = this.rows.filter((other) => other !== row);
        this.apply();
      };
      return h(
        "li", { "data-testid": "measure-known" },
        h("label", { for: id, class: "measure-known measure-known-inline", "aria-label": `Distance of point ${index + 1} in metres` }, String(index + 1)),
        input, h("span", {}, "m away"), this.removeButton("measure-known-delete", `Remove point ${index + 1}`, remove),
      );
    });
    const parts: HTMLElement[] = [h("ul", { class: "measure-list", "aria-label": "Known distances" }, ...items)];
    if (result.before !== undefined) {
      const outcome = fitKnown(baseOf(result), result.known ?? []);
      if (!("refusal" in outcome)) {
        const { fit } = outcome;
        const free = needsShift(baseOf(result)) ? 2 : 1;
        const doubt = fit.residual > DOUBTFUL ? " That is a lot: is one of them wrong?" : "";
        const words = fit.used > free ? `The distances are met within ${percent(fit.residual)} on average.${doubt}` : "";
        parts.push(
          h("p", {
            class: "view-help", "data-testid": "measure-fit", "data-scale": fit.scale, "data-shift": fit.shift, "data-residual": fit.residual,
          }, words),
        );
      }
      const undo = () => {
        this.rows = [];
        this.host.replace(undoMetric(result));
      };
      parts.push(h("button", { type: "button", class: "measure-button", "data-testid": "measure-undo", click: undo }, icon(ICONS.undo, 16), "Undo make metric"));
    }
    return parts;
  }

  private lengthForm(): HTMLElement[] {
    if (this.asked === null) return [];
    const input = h("input", {
      id: "measure-length", type: "number", min: 0, step: "any", inputmode: "decimal", placeholder: "metres", "data-testid": "measure-length-input",
    });
    input.addEventListener("change", () => this.correct(input.valueAsNumber));
    return [h("div", { class: "measure-list measure-length" }, h("label", { for: "measure-length" }, "The line is"), input, h("span", {}, "m long"))];
  }

  private measurementList(result: DepthResult): HTMLElement[] {
    if (this.measurements.length === 0) return [];
    const metric = isMetric(result);
    const items = this.measurements.map((measurement, index) => {
      const { za, zb, length } = lengthOf(result, measurement.a, measurement.b);
      const remove = () => {
        this.measurements = this.measurements.filter((other) => other !== measurement);
        this.draw();
      };
      return h(
        "li", { "data-testid": "measure-item", "data-metres": metric ? length : "", "data-z": metric ? `${za} ${zb}` : "" },
        h("strong", {}, metric ? inWords(length) : `line ${index + 1}`),
        h("span", { class: "measure-ends" }, metric ? `${inWords(za)} and ${inWords(zb)} away` : "no metres yet"),
        this.removeButton("measure-delete", `Remove line ${index + 1}`, remove),
      );
    });
    const copy = () => void this.copy(result);
    return [
      h("ol", { class: "measure-list", "aria-label": "Measurements" }, ...items),
      ...(metric ? [h("button", { type: "button", class: "measure-button", "data-testid": "measure-copy", click: copy }, "Copy as CSV")] : []),
    ];
  }

  private removeButton(testid: string, label: string, click: () => void): HTMLElement {
    return h("button", { type: "button", class: "measure-remove", "aria-label": label, "data-testid": testid, click }, icon(ICONS.close, 16));
  }

  private async copy(result: DepthResult): Promise<void> {
    const csv = toCsv(result, this.measurements);
    try {
      await navigator.clipboard.writeText(csv);
      this.host.say(`Copied ${this.measurements.length === 1 ? "one measurement" : `${this.measurements.length} measurements`}.`);
    } catch {
      saveBlob(new Blob([csv], { type: "text/csv" }), `${result.name.replace(/\.[^.]*$/, "")}.csv`); // no clipboard: a file then
      this.host.say("Saved the measurements as a file.");
    }
  }

  private focus(testid: string): void {
    const inputs = this.lists.querySelectorAll<HTMLInputElement>(`[data-testid="${testid}"]`);
    inputs[inputs.length - 1]?.focus();
  }

  private inWords(pixel: Pixel): string {
    const { result } = this;
    if (result === null) return "";
    const where = `${pixel.column}, ${pixel.row}`;
    return isMetric(result) ? `${where}: ${inWords(depthAt(result, pixel.column, pixel.row))} away` : where;
  }

  private refuse(sentence: string | null): void {
    this.refusal.textContent = sentence ?? "";
    this.refusal.hidden = sentence === null;
  }
}
