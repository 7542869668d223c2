import type { DepthResult } from "./depth";

/** One tab of the page. `show` may be called again with a new result; `hide` stops all work until the next `show`. */
export interface Panel {
  readonly element: HTMLElement;
  show(result: DepthResult): void;
  hide(): void;
  dispose(): void;
}

/** What a panel may ask of the page. Both calls end in `show` of every visible panel with the new result. */
export interface PanelHost {
  /** Put another result in the place of the current one (a metric one, or the one before it). */
  replace(result: DepthResult): void;
  /** Set the camera's horizontal field of view in degrees, for all panels. */
  setFieldOfView(degrees: number): void;
  /** Say one sentence in the page's live region. */
  say(sentence: string): void;
}
