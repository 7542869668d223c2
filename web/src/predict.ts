/** From files to results: the requests behind "choose a photo", "stereo pair", "fix" and every download. */

import { knownOption, path, send, sendPatiently, type Options, type Reply, type Waiting } from "./api";
import { colourise, robustRange, sortedSample } from "./colour";
import type { DepthResult } from "./depth";
import { readFloats, readHeaders, type MapHeaders } from "./headers";
import type { Mask } from "./mask";
import { sniff } from "./sniff";
import type { Fix, Item, PhotoSource, Source, StereoSource, Store } from "./store";

/** The map that the page works with has at most so many pixels along its longer side; downloads are as large as the picture. */
const LONGEST_MAP = 1600;
/** The picture as shown; enough for a large screen. */
const LONGEST_PICTURE = 2560;

const ENDINGS = ["jpg", "jpeg", "png", "webp", "tif", "tiff", "bmp", "heic", "heif"];

/** Give a file the content type that its first bytes stand for: the server refuses a type that isn't the file's. */
export async function typed(file: Blob): Promise<Blob> {
  const type = sniff(new Uint8Array(await file.slice(0, 12).arrayBuffer()));
  return type === null || type === file.type ? file : file.slice(0, file.size, type);
}

export function isPicture(file: File): boolean {
  return file.type.startsWith("image/") || ENDINGS.includes(file.name.toLowerCase().split(".").pop() ?? "");
}

interface Picture {
  readonly image: ImageBitmap;
  readonly width: number;
  readonly height: number;
}

async function decode(file: Blob): Promise<Picture | null> {
  let whole: ImageBitmap;
  try {
    whole = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return null; // TIFF and HEIC are read by the server, but by few browsers
  }
  const { width, height } = whole;
  const shrink = LONGEST_PICTURE / Math.max(width, height);
  if (shrink >= 1) return { image: whole, width, height };
  const image = await createImageBitmap(whole, {
    resizeWidth: Math.max(1, Math.round(width * shrink)),
    resizeHeight: Math.max(1, Math.round(height * shrink)),
    resizeQuality: "high",
  });
  whole.close();
  return { image, width, height };
}

/** The map itself stands for a picture that this browser can't show. */
async function pictureOfMap(headers: MapHeaders, values: Float32Array): Promise<Picture> {
  const pixels = new ImageData(headers.width, headers.height);
  const map = { ...headers, values };
  colourise(map, "grey", ...robustRange(sortedSample(map)), pixels.data);
  return { image: await createImageBitmap(pixels), width: headers.width, height: headers.height };
}

/** The mask as a PNG of the picture's own size. */
async function maskFile(mask: Mask, width: number, height: number): Promise<Blob> {
  const small = new OffscreenCanvas(mask.width, mask.height);
  const pixels = new ImageData(mask.width, mask.height);
  mask.pixels.forEach((marked, i) => pixels.data.set(marked ? [255, 255, 255, 255] : [0, 0, 0, 255], 4 * i));
  small.getContext("2d")?.putImageData(pixels, 0, 0);
  const full = new OffscreenCanvas(width, height);
  const context = full.getContext("2d");
  if (context) context.imageSmoothingEnabled = false;
  context?.drawImage(small, 0, 0, width, height);
  return full.convertToBlob({ type: "image/png" });
}

async function request(
  source: Source,
  options: Options,
  mask: Blob | null,
  waiting: Waiting,
  onWait: (seconds: number) => void,
): Promise<Reply> {
  if (source.kind === "stereo") {
    const form = new FormData();
    form.append("left", await typed(source.left), "left");
    form.append("right", await typed(source.right), "right");
    const given = {
      focal_px: source.focalPx,
      baseline_m: source.baselineM,
      offset_px: source.offsetPx,
      fill: source.fill,
      ...options,
    };
    return sendPatiently(path("v1/stereo", given), form, waiting, onWait);
  }
  const file = await typed(source.file);
  if (!mask) return sendPatiently(path("v1/depth", options), file, waiting, onWait);
  const form = new FormData();
  form.append("image", file, source.name);
  form.append("mask", mask, "mask.png");
  return sendPatiently(path("v1/depth", options), form, waiting, onWait);
}

/** Run `work` with its progress shown and a way to cancel it; null when it was cancelled. */
export async function withProgress<T>(
  store: Store,
  sentence: string,
  work: (waiting: Waiting, onWait: (seconds: number) => void) => Promise<T>,
): Promise<T> {
  store.busy?.cancel();
  const stop = new AbortController();
  const cancel = (): void => stop.abort();
  const own = (): boolean => store.busy?.cancel === cancel;
  const tell = (text: string, share: number | null): void => {
    if (own()) store.setBusy({ sentence: text, share, cancel });
  };
  store.setBusy({ sentence, share: null, cancel });
  try {
    return await work(
      {
        signal: stop.signal,
        onProgress: (stage, share) => {
          if (stage === "upload") tell("Sending the picture", share);
          else if (stage === "wait") tell(sentence, null);
          else tell("Receiving the result", share);
        },
      },
      (seconds) => tell(`The server is busy: trying again in ${Math.ceil(seconds)} s`, null),
    );
  } finally {
    if (own()) store.setBusy(null);
  }
}

let count = 0;

/** Predict the map of a photo or a pair and make it the current item. */
export async function predict(store: Store, source: PhotoSource | StereoSource): Promise<Item> {
  const first = source.kind === "photo" ? source.file : source.left;
  if (store.about && first.size > store.about.limits.bytes) {
    const limit = Math.floor(store.about.limits.bytes / 1e6);
    throw new Error(
      `${source.name} has ${(first.size / 1e6).toFixed(1)} MB, the server takes ${limit} MB: choose a smaller file.`,
    );
  }
  return withProgress(
    store,
    source.kind === "photo" ? "Finding the depth" : "Matching the two pictures",
    async (waiting, onWait) => {
      const decoding = decode(first);
      const options = {
        model: modelFor(store, source),
        output: "float32",
        longest: source.kind === "photo" ? LONGEST_MAP : null, // a pair's disparities are in pixels of the pictures as they are
      };
      const reply = await request(source, options, null, waiting, onWait);
      const headers = readHeaders(reply.header);
      const values = readFloats(reply.body, headers.width * headers.height);
      const picture = (await decoding) ?? (await pictureOfMap(headers, values));
      const id = `result-${++count}`;
      const result: DepthResult = { ...headers, id, name: source.name, values, image: picture.image };
      const item: Item = {
        id,
        source,
        result,
        pictureWidth: picture.width,
        pictureHeight: picture.height,
        unfixed: null,
        fix: null,
      };
      store.add(item);
      return item;
    },
  );
}

function modelFor(store: Store, source: Source): string | null {
  const wanted = source.kind === "photo" ? "depth" : "stereo";
  return store.models.some((model) => model.name === store.model && model.task === wanted) ? store.model : null;
}

/** Predict again with the marked glass painted over; the item's result is replaced. */
export async function fixGlass(store: Store, item: Item, fix: Fix): Promise<void> {
  await withProgress(store, "Painting over the glass and finding the depth", async (waiting, onWait) => {
    const before = item.unfixed ?? item.result;
    const { result } = item;
    const mask = await maskFile(fix.mask, item.pictureWidth, item.pictureHeight);
    const options = {
      model: result.model,
      output: "float32",
      longest: Math.max(result.width, result.height),
      tom_colours: fix.colours,
      known: knownInPicture(item),
    };
    const reply = await request(item.source, options, mask, waiting, onWait);
    const headers = readHeaders(reply.header);
    const values = readFloats(reply.body, headers.width * headers.height);
    item.unfixed = before;
    item.fix = fix;
    store.replaceOf(item, { ...result, ...headers, camera: result.camera, values });
  });
}

/** Go back to the map without repainted glass. */
export function dropFix(store: Store, item: Item): void {
  if (!item.unfixed) return;
  const { unfixed, result } = item;
  item.unfixed = null;
  item.fix = null;
  store.replaceOf(item, { ...unfixed, camera: result.camera });
}

function knownInPicture({ result, pictureWidth, pictureHeight }: Item): string | null {
  return knownOption(result.known, pictureWidth / result.width, pictureHeight / result.height);
}

/** Classes of every pixel by the server's own segmenter. */
export async function findGlass(store: Store, item: Item): Promise<{ classes: Uint8Array; width: number; height: number }> {
  if (item.source.kind !== "photo") throw new Error("Glass is found on single photos: open the left picture as a photo.");
  const file = await typed(item.source.file);
  return withProgress(store, "Looking for glass and mirrors", async (waiting) => {
    const reply = await send("POST", "v1/mask", file, waiting);
    const picture = await createImageBitmap(new Blob([reply.body], { type: "image/png" }), { colorSpaceConversion: "none" });
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context) throw new Error("This browser can't read the mask: try another one.");
    context.drawImage(picture, 0, 0);
    const pixels = context.getImageData(0, 0, picture.width, picture.height).data;
    return {
      classes: Uint8Array.from({ length: pixels.length / 4 }, (_, i) => pixels[4 * i]),
      width: picture.width,
      height: picture.height,
    };
  });
}

/** Ask for the current item's map as a file. */
export async function download(store: Store, item: Item, output: string, asShown: boolean): Promise<Blob> {
  return withProgress(store, "Writing the file", async (waiting, onWait) => {
    const { result } = item;
    const photo = item.source.kind === "photo";
    const options: Options = {
      model: result.model,
      output,
      longest: asShown && photo ? Math.max(result.width, result.height) : null,
      fov_deg: result.camera.source === "given" && photo ? result.camera.fovDeg : null,
      colormap: output === "preview" ? store.view.colormap : null,
      known: photo ? knownInPicture(item) : null,
      tom_colours: item.fix ? item.fix.colours : null,
    };
    const mask = item.fix ? await maskFile(item.fix.mask, item.pictureWidth, item.pictureHeight) : null;
    const reply = await request(item.source, options, mask, waiting, onWait);
    return new Blob([reply.body], { type: reply.type });
  });
}
