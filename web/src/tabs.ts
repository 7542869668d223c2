/** The views of a result as tabs. A view is made when it is first opened, so that three.js loads only for who wants 3D. */

import type { DepthResult } from "./depth";
import { h } from "./dom";
import type { Panel } from "./panel";

export interface TabSpec {
  readonly id: string;
  readonly label: string;
  readonly make: () => Promise<Panel>;
}

interface Tab {
  readonly spec: TabSpec;
  readonly button: HTMLButtonElement;
  readonly body: HTMLElement;
  panel: Panel | null;
}

export class Tabs {
  readonly list: HTMLElement;
  readonly bodies: HTMLElement;
  current: string;
  private readonly tabs: Tab[];
  private result: DepthResult | null = null;

  constructor(
    specs: readonly TabSpec[],
    private readonly fail: (error: unknown) => void,
    private readonly changed: () => void,
  ) {
    this.tabs = specs.map((spec) => ({
      spec,
      button: h(
        "button",
        {
          type: "button",
          class: "tab",
          role: "tab",
          id: `tab-${spec.id}`,
          "aria-controls": `panel-${spec.id}`,
          "data-testid": `tab-${spec.id}`,
          click: () => this.open(spec.id),
          keydown: (event: KeyboardEvent) => this.step(event),
        },
        spec.label,
      ),
      body: h("div", {
        class: "tab-body",
        role: "tabpanel",
        id: `panel-${spec.id}`,
        "aria-labelledby": `tab-${spec.id}`,
        hidden: true,
      }),
      panel: null,
    }));
    this.list = h("div", { class: "tabs", role: "tablist", "aria-label": "Views" }, ...this.tabs.map(({ button }) => button));
    this.bodies = h("div", { class: "tab-bodies" }, ...this.tabs.map(({ body }) => body));
    this.current = specs[0].id;
    this.mark();
  }

  /** Give a result to the open view; null when there is none. */
  show(result: DepthResult | null): void {
    this.result = result;
    void this.refresh();
  }

  open(id: string): void {
    if (id === this.current) return;
    this.tab(this.current).panel?.hide();
    this.current = id;
    this.mark();
    this.changed();
    void this.refresh();
  }

  /** Offer a view or not; an open one that goes gives way to the first. */
  offer(id: string, offered: boolean): void {
    this.tab(id).button.hidden = !offered;
    if (!offered && this.current === id) this.open(this.tabs[0].spec.id);
  }

  private tab(id: string): Tab {
    const tab = this.tabs.find(({ spec }) => spec.id === id);
    if (!tab) throw new Error(`no view ${id}`);
    return tab;
  }

  private async refresh(): Promise<void> {
    const tab = this.tab(this.current);
    try {
      if (!tab.panel) {
        if (!this.result) return;
        const panel = await tab.spec.make();
        tab.panel ??= panel;
        tab.body.replaceChildren(tab.panel.element);
      }
      if (this.tab(this.current) !== tab) return;
      if (this.result) tab.panel.show(this.result);
      else tab.panel.hide();
    } catch (error) {
      this.fail(error);
    }
  }

  private mark(): void {
    for (const { spec, button, body } of this.tabs) {
      const open = spec.id === this.current;
      button.setAttribute("aria-selected", String(open));
      button.tabIndex = open ? 0 : -1;
      body.hidden = !open;
    }
  }

  private step(event: KeyboardEvent): void {
    const offered = this.tabs.filter(({ button }) => !button.hidden);
    const at = offered.findIndex(({ spec }) => spec.id === this.current);
    const last = offered.length - 1;
    const to: Record<string, number> = {
      ArrowRight: at === last ? 0 : at + 1,
      ArrowLeft: at === 0 ? last : at - 1,
      Home: 0,
      End: last,
    };
    const next = offered[to[event.key] ?? -1];
    if (!next) return;
    event.preventDefault();
    this.open(next.spec.id);
    next.button.focus();
    next.button.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}
