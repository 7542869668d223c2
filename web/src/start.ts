/** The first thing on the page: drop, choose, take or paste a photo, or take a sample. */

import { takePhoto } from "./camera_dialog";
import { h, icon, ICONS } from "./dom";
import { isPicture } from "./predict";

export interface Sample {
  readonly file: string;
  readonly name: string;
  readonly about: string;
}

export const SAMPLES: readonly Sample[] = [
  { file: "street.jpg", name: "Street", about: "A street of low houses" },
  { file: "bottles.jpg", name: "Bottles", about: "Clear bottles on a table" },
  { file: "hall.jpg", name: "Hall", about: "A hall with a mirror wardrobe" },
  { file: "mirror.jpg", name: "Mirror screen", about: "A rendered room in a folding mirror" },
];

export interface StartActions {
  photo(file: Blob, name: string): void;
  job(file: File): void;
  fail(error: unknown): void;
}

/** What to do with a file that someone dropped, pasted or chose. */
export function take(files: readonly File[], actions: StartActions): void {
  const picture = files.find(isPicture);
  if (picture) return actions.photo(picture, picture.name || "photo");
  const other = files[0];
  if (!other) return;
  if (isJobFile(other)) return actions.job(other);
  actions.fail(new Error(`${other.name} is neither a picture nor a video: choose a JPEG, PNG, WebP, TIFF, BMP or HEIC file.`));
}

export function isJobFile(file: File): boolean {
  return file.type.startsWith("video/") || /\.(zip|mp4|mov|mkv|webm|avi|m4v)$/i.test(file.name);
}

/** A hidden file input behind a button. */
export function chooser(
  label: string,
  testid: string,
  accept: string,
  take: (files: File[]) => void,
  capture = false,
): HTMLInputElement {
  const input = h("input", {
    type: "file",
    accept,
    "aria-label": label,
    "data-testid": testid,
    class: "visually-hidden",
    tabindex: -1,
    capture: capture ? "environment" : null,
    change: () => {
      const files = [...(input.files ?? [])];
      input.value = "";
      take(files);
    },
  });
  return input;
}

const PICTURES = "image/*,.heic,.heif,.tif,.tiff";

export function startView(actions: StartActions): HTMLElement {
  const choose = chooser("Photo file", "photo-file", PICTURES, (files) => take(files, actions));
  const capture = chooser("Photo from the camera", "photo-capture", "image/*", (files) => take(files, actions), true);
  const big = (testid: string, path: string, label: string, click: () => void, primary = false): HTMLButtonElement =>
    h("button", { type: "button", class: primary ? "primary" : "", "data-testid": testid, click }, icon(path), label);
  const touch = matchMedia("(pointer: coarse)").matches;
  return h(
    "section",
    { class: "start", "aria-label": "Start" },
    h("h1", {}, "See the depth in a photo"),
    h(
      "p",
      { class: "lead" },
      "Look at it, turn it in 3D, measure in it, and fix what glass does to it. Your pictures stay between this page and its server.",
    ),
    h(
      "div",
      { class: "dropzone", "data-testid": "dropzone" },
      icon(ICONS.upload, 36),
      h("p", {}, touch ? "Choose a photo or take one" : "Drop a photo anywhere on this page"),
      h(
        "div",
        { class: "actions" },
        big("choose-photo", ICONS.upload, "Choose a photo", () => choose.click(), true),
        big("take-photo", ICONS.camera, "Take a photo", () => {
          if (touch) return capture.click();
          takePhoto().then((photo) => photo && actions.photo(photo, "camera.jpg"), actions.fail);
        }),
        big("paste-photo", ICONS.paste, "Paste", () => void pasteByButton(actions)),
      ),
      choose,
      capture,
    ),
    h("h2", { class: "quiet" }, "Or try one of these"),
    h(
      "ul",
      { class: "samples" },
      ...SAMPLES.map((sample) =>
        h(
          "li",
          {},
          h(
            "button",
            {
              type: "button",
              class: "sample",
              title: sample.about,
              "data-testid": `sample-${sample.file.split(".")[0]}`,
              click: () => void openSample(sample, actions),
            },
            h("img", { src: `samples/${sample.file}`, alt: sample.about, width: 240, height: 180, loading: "lazy" }),
            h("span", {}, sample.name),
          ),
        ),
      ),
    ),
  );
}

async function openSample(sample: Sample, actions: StartActions): Promise<void> {
  try {
    const reply = await fetch(`samples/${sample.file}`);
    if (!reply.ok) throw new Error(`The sample ${sample.name} is missing on this server: choose a photo of your own.`);
    actions.photo(await reply.blob(), sample.file);
  } catch (error) {
    actions.fail(error);
  }
}

async function pasteByButton(actions: StartActions): Promise<void> {
  try {
    for (const item of await navigator.clipboard.read()) {
      const type = item.types.find((name) => name.startsWith("image/"));
      if (type) return actions.photo(await item.getType(type), "pasted.png");
    }
    actions.fail(new Error("There is no picture on the clipboard: copy one first, then press Ctrl+V or Paste."));
  } catch {
    actions.fail(new Error("The browser doesn't let this page read the clipboard: press Ctrl+V (on a Mac Cmd+V) instead."));
  }
}

/** Drops anywhere, and paste by keyboard. */
export function listenToWindow(actions: StartActions): void {
  let depth = 0;
  const mark = (change: number): void => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dropping", depth > 0);
  };
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragenter", (event) => hasFiles(event) && mark(1));
  addEventListener("dragleave", (event) => hasFiles(event) && mark(-1));
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    mark(-depth);
    if (event.defaultPrevented || !hasFiles(event)) return;
    event.preventDefault();
    take([...(event.dataTransfer?.files ?? [])], actions);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) take(files, actions);
  });
}
