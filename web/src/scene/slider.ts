/** A labelled slider that says its value in words. */

import { h } from "../dom";

export interface SliderOptions {
  readonly label: string;
  readonly id: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly value: number;
  readonly words: (value: number) => string;
  /** While it moves. */
  readonly input: (value: number) => void;
  /** When it is let go. */
  readonly change?: (value: number) => void;
}

export interface Slider {
  readonly element: HTMLElement;
  readonly range: HTMLInputElement;
  /** The value, in the options' own numbers. */
  get(): number;
  /** Move it without calling `input`. */
  set(value: number): void;
}

export function slider(options: SliderOptions): Slider {
  const { label, id, min, max, step, value, words, input, change } = options;
  const range = h("input", { type: "range", id, "data-testid": id, min, max, step, value });
  const output = h("output", { for: id, class: "view-slider-value" });
  const tell = () => {
    const text = words(range.valueAsNumber);
    output.textContent = text;
    range.setAttribute("aria-valuetext", text);
  };
  range.addEventListener("input", () => {
    tell();
    input(range.valueAsNumber);
  });
  if (change !== undefined) range.addEventListener("change", () => change(range.valueAsNumber));
  tell();
  const element = h("div", { class: "view-slider" }, h("label", { for: id }, label), output, range);
  return {
    element,
    range,
    get: () => range.valueAsNumber,
    set: (next) => {
      range.value = String(next);
      tell();
    },
  };
}

export interface Choice<T extends string> {
  readonly element: HTMLElement;
  set(value: T): void;
}

/** A row of buttons of which one is pressed. */
export function choice<T extends string>(
  label: string, id: string, options: readonly (readonly [value: T, words: string])[], pick: (value: T) => void,
): Choice<T> {
  const buttons = new Map<T, HTMLButtonElement>();
  const set = (value: T) => {
    for (const [name, button] of buttons) button.setAttribute("aria-pressed", String(name === value));
  };
  for (const [value, words] of options) {
    const click = () => {
      set(value);
      pick(value);
    };
    buttons.set(value, h("button", { type: "button", "data-testid": `${id}-${value}`, click }, words));
  }
  set(options[0][0]);
  return { element: h("div", { class: "view-choice", role: "group", "aria-label": label }, ...buttons.values()), set };
}
