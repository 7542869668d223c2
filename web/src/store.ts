/** What the page holds: the server's answers about itself, the session's results, and how the current one is shown. */

import { robustRange, sortedSample } from "./colour";
import { focalFromFov, type DepthResult } from "./depth";
import type { Mask } from "./mask";

export interface About {
  readonly version: string;
  readonly model: string;
  readonly tom_auto: boolean;
  readonly stereo: boolean;
  readonly limits: { readonly bytes: number; readonly pixels: number; readonly seconds: number; readonly queue: number };
  readonly colormaps: readonly string[];
  readonly token_required: boolean;
}

export interface ModelInfo {
  readonly name: string;
  readonly kind: string;
  readonly unit: string;
  readonly licence: string;
  readonly notes: string;
  readonly default: boolean;
  readonly task: "depth" | "stereo" | "mask";
}

export interface PhotoSource {
  readonly kind: "photo";
  readonly file: Blob;
  readonly name: string;
}

export interface StereoSource {
  readonly kind: "stereo";
  readonly left: Blob;
  readonly right: Blob;
  readonly name: string;
  readonly focalPx: number | null;
  readonly baselineM: number | null;
  readonly offsetPx: number | null;
  readonly fill: boolean;
}

export type Source = PhotoSource | StereoSource;

/** Glass marked on a photo, with the options that it was repainted with. */
export interface Fix {
  readonly mask: Mask;
  readonly colours: number;
}

/** One photo or pair of this session, with its current result and all that is needed to ask for it again. */
export interface Item {
  readonly id: string;
  readonly source: Source;
  /** The picture's own size as shown, EXIF rotation applied. */
  readonly pictureWidth: number;
  readonly pictureHeight: number;
  result: DepthResult;
  /** The map without repainted glass, once there is a repainted one. */
  unfixed: DepthResult | null;
  fix: Fix | null;
}

export interface View {
  colormap: string;
  auto: boolean;
  low: number;
  high: number;
}

/** Long work under way, shown with its progress and a way out. */
export interface Busy {
  readonly sentence: string;
  /** 0..1, or null while that isn't known. */
  readonly share: number | null;
  readonly cancel: () => void;
}

export type Topic = "about" | "items" | "open" | "result" | "view" | "busy";

const KEPT = 12;

export class Store {
  about: About | null = null;
  models: readonly ModelInfo[] = [];
  model: string | null = null;
  items: Item[] = [];
  current: Item | null = null;
  view: View = { colormap: "inferno", auto: true, low: 0, high: 1 };
  /** Sorted sample of the current result's values, for ranges and ranks. */
  sorted: Float32Array = new Float32Array(0);
  busy: Busy | null = null;
  private readonly listeners = new Map<Topic, Set<() => void>>();

  on(topic: Topic, listener: () => void): void {
    const set = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, set.add(listener));
  }

  emit(topic: Topic): void {
    for (const listener of this.listeners.get(topic) ?? []) listener();
  }

  setBusy(busy: Busy | null): void {
    this.busy = busy;
    this.emit("busy");
  }

  /** Add a new item in front and make it the current one; the oldest beyond twelve leaves. */
  add(item: Item): void {
    this.items = [item, ...this.items];
    for (const old of this.items.slice(KEPT)) old.result.image.close();
    this.items = this.items.slice(0, KEPT);
    this.open(item);
    this.emit("items");
  }

  open(item: Item | null): void {
    this.current = item;
    this.refresh();
    this.emit("open");
    this.emit("items");
  }

  remove(item: Item): void {
    this.items = this.items.filter((other) => other !== item);
    if (this.current === item) this.open(this.items[0] ?? null);
    else this.emit("items");
    item.result.image.close();
  }

  /** Put another result in the place of the current item's. */
  replace(result: DepthResult): void {
    if (!this.current) return;
    const sameValues = this.current.result.values === result.values;
    this.current.result = result;
    if (sameValues) this.emit("result");
    else this.refresh();
    this.emit("items");
  }

  /** The same for an item that may no longer be the current one, or may have left. */
  replaceOf(item: Item, result: DepthResult): void {
    if (item === this.current) this.replace(result);
    else if (this.items.includes(item)) {
      item.result = result;
      this.emit("items");
    }
  }

  setFieldOfView(degrees: number): void {
    const result = this.current?.result;
    if (!result || !(degrees > 1 && degrees < 179)) return;
    const camera = { focalPx: focalFromFov(degrees, result.width), fovDeg: degrees, source: "given" };
    this.replace({ ...result, camera });
  }

  setView(change: Partial<View>): void {
    Object.assign(this.view, change);
    if (this.view.auto) [this.view.low, this.view.high] = robustRange(this.sorted);
    this.emit("view");
  }

  private refresh(): void {
    this.sorted = this.current ? sortedSample(this.current.result) : new Float32Array(0);
    this.view.auto = true;
    [this.view.low, this.view.high] = robustRange(this.sorted);
    this.emit("result");
    this.emit("view");
  }
}
