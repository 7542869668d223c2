/** A pair of pictures from two cameras side by side. */

import { h, icon, ICONS } from "./dom";
import type { StereoSource } from "./store";
import { chooser } from "./start";

interface Slot {
  readonly element: HTMLElement;
  file: Blob | null;
  name: string;
  set(file: Blob, name: string): void;
}

function slot(side: "left" | "right", changed: () => void): Slot {
  const label = side === "left" ? "Left picture" : "Right picture";
  const picture = h("img", { alt: "", hidden: true });
  const words = h("span", {}, label);
  const input = chooser(label, `stereo-${side}`, "image/*,.tif,.tiff", ([file]) => file && made.set(file, file.name));
  const button = h(
    "button",
    { type: "button", class: "slot", "aria-label": `Choose the ${label.toLowerCase()}`, click: () => input.click() },
    picture,
    icon(ICONS.upload, 26),
    words,
  );
  const element = h("div", { class: "slot-box" }, button, input);
  const made: Slot = {
    element,
    file: null,
    name: "",
    set(file, name) {
      made.file = file;
      made.name = name;
      if (picture.src) URL.revokeObjectURL(picture.src);
      picture.src = URL.createObjectURL(file);
      picture.hidden = false;
      words.textContent = `${label}: ${name}`;
      button.classList.add("filled");
      changed();
    },
  };
  const stop = (event: DragEvent): void => event.preventDefault();
  button.addEventListener("dragover", stop);
  button.addEventListener("drop", (event) => {
    event.preventDefault(); // the page's own drop would open it as a photo
    const file = event.dataTransfer?.files[0];
    if (file) made.set(file, file.name);
  });
  return made;
}

export function stereoView(run: (source: StereoSource) => void, fail: (error: unknown) => void): HTMLElement {
  const changed = (): void => {
    compute.disabled = !(left.file && right.file);
  };
  const left = slot("left", changed);
  const right = slot("right", changed);
  const number = (testid: string, step: string): HTMLInputElement =>
    h("input", { type: "number", step, class: "short", "data-testid": testid, inputmode: "decimal" });
  const focal = number("stereo-focal", "any");
  const baseline = number("stereo-baseline", "any");
  const offset = number("stereo-offset", "any");
  const fill = h("input", { type: "checkbox", "data-testid": "stereo-fill" });
  const positive = (input: HTMLInputElement): number | null => (input.valueAsNumber > 0 ? input.valueAsNumber : null);
  const compute = h(
    "button",
    {
      type: "button",
      class: "primary",
      disabled: true,
      "data-testid": "stereo-run",
      click: () => {
        if (!left.file || !right.file) return;
        if ((positive(focal) === null) !== (positive(baseline) === null)) {
          return fail(new Error("Metres need both numbers: enter focal length and baseline, or neither."));
        }
        run({
          kind: "stereo",
          left: left.file,
          right: right.file,
          name: left.name,
          focalPx: positive(focal),
          baselineM: positive(baseline),
          offsetPx: Number.isFinite(offset.valueAsNumber) ? offset.valueAsNumber : null,
          fill: fill.checked,
        });
      },
    },
    "Match the pair",
  );
  const sample = async (): Promise<void> => {
    try {
      const files = await Promise.all(
        ["hall.jpg", "hall-right.jpg"].map(async (name) => (await fetch(`samples/${name}`)).blob()),
      );
      left.set(files[0], "hall.jpg");
      right.set(files[1], "hall-right.jpg");
      [focal.value, baseline.value] = ["451", "0.075"];
    } catch (error) {
      fail(error);
    }
  };
  return h(
    "section",
    { class: "form-view", "aria-label": "Stereo pair" },
    h("h1", {}, "Depth from two pictures"),
    h(
      "p",
      { class: "lead" },
      "Both must be rectified: the same point lies in the same row. With focal length and baseline the result is in metres.",
    ),
    h("div", { class: "slots" }, left.element, right.element),
    h(
      "div",
      { class: "fields" },
      h("label", { class: "field" }, h("span", {}, "Focal length, pixels"), focal),
      h("label", { class: "field" }, h("span", {}, "Baseline, metres"), baseline),
      h("label", { class: "field" }, h("span", {}, "Offset of the right principal point, pixels"), offset),
      h("label", { class: "check" }, fill, "Fill holes from the background"),
    ),
    h(
      "div",
      { class: "actions" },
      compute,
      h("button", { type: "button", "data-testid": "stereo-sample", click: () => void sample() }, "Try the sample pair"),
    ),
  );
}
