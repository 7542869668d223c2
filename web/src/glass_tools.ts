/** The tool bar of "Fix glass". */

import { h, icon, ICONS } from "./dom";

export type Tool = "brush" | "eraser" | "polygon";

export interface GlassActions {
  undo(): void;
  clear(): void;
  find(): void;
  fix(): void;
  choose(tool: Tool): void;
}

const TOOLS: readonly (readonly [Tool, string])[] = [
  ["brush", "Brush"],
  ["eraser", "Eraser"],
  ["polygon", "Outline"],
];

export class GlassTools {
  readonly element: HTMLElement;
  tool: Tool = "brush";
  private readonly tools: Map<Tool, HTMLButtonElement>;
  private readonly sizeInput = h("input", {
    type: "range",
    min: 1,
    max: 100,
    value: 30,
    "aria-label": "Brush size",
    "data-testid": "brush-size",
  });
  private readonly coloursInput = h("input", {
    type: "number",
    min: 1,
    max: 20,
    value: 5,
    "data-testid": "glass-colours",
    class: "short",
  });
  private readonly undo: HTMLButtonElement;
  private readonly clear: HTMLButtonElement;
  private readonly find: HTMLButtonElement;
  private readonly fix: HTMLButtonElement;
  private marked = false;
  private working = false;
  private canFind = false;

  constructor(actions: GlassActions) {
    const button = (name: string, path: string, label: string, click: () => void): HTMLButtonElement =>
      h(
        "button",
        { type: "button", class: "tool", "data-testid": name, title: label, click },
        icon(path),
        h("span", {}, label),
      );
    this.tools = new Map(
      TOOLS.map(([tool, label]) => [tool, button(`tool-${tool}`, ICONS[tool], label, () => this.choose(tool, actions))]),
    );
    this.undo = button("glass-undo", ICONS.undo, "Undo", () => actions.undo());
    this.clear = button("glass-clear", ICONS.trash, "Clear", () => actions.clear());
    this.find = button("glass-find", ICONS.wand, "Find glass automatically", () => actions.find());
    this.find.classList.add("wide");
    this.fix = h("button", { type: "button", class: "primary", "data-testid": "glass-fix", click: () => actions.fix() }, "Fix");
    this.element = h(
      "div",
      { class: "toolbar", role: "group", "aria-label": "Marking tools" },
      ...this.tools.values(),
      h("label", { class: "inline" }, "Size", this.sizeInput),
      this.undo,
      this.clear,
      this.find,
      h(
        "label",
        { class: "inline", title: "The glass is painted in so many colours, one after the other; the middle result counts" },
        "Colours",
        this.coloursInput,
      ),
      this.fix,
    );
    this.choose("brush", null);
    this.update(false);
  }

  get size(): number {
    return Number(this.sizeInput.value);
  }

  get colours(): number {
    return Math.min(20, Math.max(1, Math.round(Number(this.coloursInput.value)) || 5));
  }

  setState(marked: boolean, canUndo: boolean): void {
    this.marked = marked;
    this.update(canUndo);
  }

  setWorking(working: boolean): void {
    this.working = working;
    this.update(!this.undo.disabled);
  }

  setCanFind(canFind: boolean): void {
    this.canFind = canFind;
    this.update(!this.undo.disabled);
  }

  private choose(tool: Tool, actions: GlassActions | null): void {
    this.tool = tool;
    for (const [name, button] of this.tools) button.setAttribute("aria-pressed", String(name === tool));
    actions?.choose(tool);
  }

  private update(canUndo: boolean): void {
    this.undo.disabled = !canUndo;
    this.clear.disabled = !this.marked;
    this.fix.disabled = !this.marked || this.working;
    this.find.hidden = !this.canFind;
    this.find.disabled = this.working;
  }
}
