/** Errors as sentences at the top of the page, and long work with its progress at the bottom. */

import { h, icon, ICONS } from "./dom";
import { isCancelled, sentenceOf } from "./errors";
import type { Store } from "./store";

/** Errors: one at a time, read out at once, closed by hand or by the next success. */
export class Alerts {
  readonly element = h("div", { class: "alerts", "data-testid": "alerts" });

  readonly fail = (error: unknown): void => {
    if (isCancelled(error)) return;
    this.element.replaceChildren(
      h(
        "div",
        { class: "alert", role: "alert", "data-testid": "error" },
        h("p", {}, sentenceOf(error)),
        h(
          "button",
          { type: "button", class: "plain round", "aria-label": "Close", click: () => this.clear() },
          icon(ICONS.close),
        ),
      ),
    );
  };

  clear(): void {
    this.element.replaceChildren();
  }
}

/** The card of the work under way. */
export function busyCard(store: Store): HTMLElement {
  const words = h("span", { "data-testid": "busy-words" });
  const bar = h("progress", { max: 1, "aria-label": "Progress" });
  const cancel = h("button", { type: "button", "data-testid": "cancel", click: () => store.busy?.cancel() }, "Cancel");
  const card = h("div", { class: "busy", role: "status", hidden: true, "data-testid": "busy" }, words, bar, cancel);
  store.on("busy", () => {
    const { busy } = store;
    card.hidden = busy === null;
    document.body.classList.toggle("working", busy !== null);
    if (!busy) return;
    if (words.textContent !== busy.sentence) words.textContent = busy.sentence;
    if (busy.share === null) bar.removeAttribute("value");
    else bar.value = busy.share;
  });
  return card;
}
