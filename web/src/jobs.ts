/** Videos and zips of pictures: upload, progress, cancel, playback, download. */

import { cancelJob, fetchJob, fetchJobResult, openEvents, startJob, type JobRecord } from "./api";
import { COLORMAPS } from "./colour";
import { h, icon, ICONS, saveBlob } from "./dom";
import { stemOf } from "./downloads";
import { isCancelled, sentenceOf } from "./errors";
import { readEvents } from "./sse";
import { chooser, isJobFile } from "./start";
import type { Store } from "./store";

const OUTPUTS: readonly (readonly [string, string])[] = [
  ["preview", "Pictures in colour (a video: MP4)"],
  ["png16", "16-bit PNG files (zip)"],
  ["npz", "NumPy files (zip)"],
];

/** "124 of 300 frames, about 12 s left". */
export function sayProgress(job: Pick<JobRecord, "state" | "total" | "done" | "failed" | "seconds" | "kind">): string {
  const things = job.kind === "video" ? "frames" : "pictures";
  if (job.state === "queued") return "Waiting for its turn";
  const count = job.total === null ? `${job.done} ${things}` : `${job.done} of ${job.total} ${things}`;
  const failed = job.failed > 0 ? `, ${job.failed} failed` : "";
  if (job.state !== "running" || job.total === null || job.done === 0 || job.seconds === null) return count + failed;
  const left = (job.seconds / job.done) * Math.max(0, job.total - job.done - job.failed);
  const told = left < 90 ? `${Math.ceil(left)} s` : `${Math.ceil(left / 60)} minutes`;
  return `${count}${failed}, about ${told} left`;
}

const isOver = (state: JobRecord["state"]): boolean => state === "done" || state === "failed" || state === "cancelled";

/** One job on the page, from its upload to its result. */
class JobCard {
  readonly element: HTMLElement;
  private readonly words = h("p", { role: "status", "data-testid": "job-words" }, "Sending the file");
  private readonly bar = h("progress", { max: 1, "aria-label": "Progress" });
  private readonly buttons = h("div", { class: "actions" });
  private readonly media = h("div", { class: "media" });
  private readonly stop = new AbortController();
  private record: JobRecord | null = null;
  private url: string | null = null;

  constructor(
    private readonly file: File,
    private readonly output: string,
    private readonly fail: (error: unknown) => void,
  ) {
    this.element = h(
      "article",
      { class: "card job", "aria-label": file.name, "data-testid": "job" },
      h("h2", {}, file.name),
      this.words,
      this.bar,
      this.media,
      this.buttons,
    );
    this.offer(["Cancel", () => void this.cancel(), "job-cancel"]);
  }

  async run(options: Record<string, string | boolean | null>): Promise<void> {
    try {
      this.record = await startJob(
        this.file,
        this.file.name,
        { output: this.output, ...options },
        {
          signal: this.stop.signal,
          onProgress: (stage, share) => {
            if (stage === "upload" && share !== null) this.bar.value = share;
            else this.bar.removeAttribute("value");
          },
        },
      );
      this.element.dataset["job"] = this.record.id;
      await this.follow();
    } catch (error) {
      if (isCancelled(error)) return this.end("Cancelled.");
      this.end(sentenceOf(error));
      this.fail(error);
    }
  }

  private async follow(): Promise<void> {
    // A broken stream (a sleeping laptop) is opened again; the record says where the job is.
    for (let attempt = 0; this.record && !isOver(this.record.state) && attempt < 20; attempt++) {
      if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 1000));
      const stream = await openEvents(this.record.id, this.stop.signal);
      await readEvents(stream, ({ data }) => this.take(JSON.parse(data) as JobRecord)).catch((error: unknown) => {
        if (isCancelled(error)) throw error;
      });
      if (!isOver(this.record.state)) this.take(await fetchJob(this.record.id));
    }
    if (this.record?.state === "done") await this.finish(this.record);
    else if (this.record?.state === "failed") {
      const sentence = this.record.message ?? "The job failed: try another file.";
      this.end(sentence);
      this.fail(new Error(sentence));
    } else this.end(this.record?.message ?? "Cancelled.");
  }

  private take(record: JobRecord): boolean {
    this.record = record;
    this.words.textContent = sayProgress(record);
    if (record.total) this.bar.value = (record.done + record.failed) / record.total;
    else this.bar.removeAttribute("value");
    return isOver(record.state);
  }

  private async finish(record: JobRecord): Promise<void> {
    this.words.textContent = `${sayProgress(record)}. Fetching the result.`;
    const reply = await fetchJobResult(record.id, {
      signal: this.stop.signal,
      onProgress: (stage, share) => {
        if (stage === "download" && share !== null) this.bar.value = share;
      },
    });
    const blob = new Blob([reply.body], { type: reply.type });
    const isVideo = reply.type.startsWith("video/");
    if (isVideo) {
      this.url = URL.createObjectURL(blob);
      this.media.replaceChildren(
        h("video", {
          src: this.url,
          controls: true,
          loop: true,
          playsinline: true,
          "aria-label": "The video's depth",
          "data-testid": "job-video",
        }),
      );
    }
    const counted = record.message === null ? record : { ...record, failed: 0 }; // the message tells of those
    this.end(`Done: ${sayProgress(counted)}. ${record.message ?? ""}`.trim());
    this.offer(
      ["Download", () => saveBlob(blob, `${stemOf(this.file.name)}_depth.${isVideo ? "mp4" : "zip"}`), "job-download"],
      ["Remove", () => void this.cancel(), "job-remove"],
    );
  }

  private async cancel(): Promise<void> {
    this.stop.abort();
    if (this.url) URL.revokeObjectURL(this.url);
    try {
      if (this.record) await cancelJob(this.record.id);
    } catch {
      // it has expired: the server has removed its files already
    }
    if (this.record?.state === "done") this.element.remove();
    else this.end("Cancelled.");
  }

  private end(sentence: string): void {
    this.words.textContent = sentence;
    this.bar.hidden = true;
    this.offer(["Remove", () => this.element.remove(), "job-remove"]);
  }

  private offer(...buttons: (readonly [string, () => void, string])[]): void {
    this.buttons.replaceChildren(
      ...buttons.map(([label, click, testid]) => h("button", { type: "button", "data-testid": testid, click }, label)),
    );
  }
}

export interface JobsView {
  readonly element: HTMLElement;
  start(file: File): void;
}

export function jobsView(store: Store, fail: (error: unknown) => void): JobsView {
  const output = h(
    "select",
    { "data-testid": "job-output" },
    ...OUTPUTS.map(([value, label]) => h("option", { value }, label)),
  );
  const colormap = h("select", {}, ...COLORMAPS.map(({ name, label }) => h("option", { value: name }, label)));
  const side = h("input", { type: "checkbox", "data-testid": "job-side" });
  const list = h("div", { class: "job-list" });
  const input = chooser("Video or zip file", "job-file", "video/*,.zip,application/zip", ([file]) => file && start(file));
  const colourRow = h("label", { class: "field" }, h("span", {}, "Colour map"), colormap);
  const sideRow = h("label", { class: "check" }, side, "Picture and map side by side");
  output.addEventListener("change", () => {
    colourRow.hidden = sideRow.hidden = output.value !== "preview";
  });
  function start(file: File): void {
    if (!isJobFile(file))
      return fail(new Error(`${file.name} is neither a video nor a zip: choose an MP4, MOV, WebM or ZIP file.`));
    const job = new JobCard(file, output.value, fail);
    list.prepend(job.element);
    const preview = output.value === "preview";
    const depthModel = store.models.some((model) => model.name === store.model && model.task === "depth") ? store.model : null;
    void job.run({
      model: depthModel,
      colormap: preview ? colormap.value : null,
      side_by_side: preview && side.checked ? true : null,
    });
  }
  const element = h(
    "section",
    { class: "form-view", "aria-label": "Video" },
    h("h1", {}, "Depth of a video, or of many pictures"),
    h("p", { class: "lead" }, "A video becomes a video of its depth. A zip of pictures becomes a zip of maps."),
    h("div", { class: "fields" }, h("label", { class: "field" }, h("span", {}, "Result"), output), colourRow, sideRow),
    h(
      "div",
      { class: "dropzone small" },
      h(
        "button",
        { type: "button", class: "primary", "data-testid": "choose-job", click: () => input.click() },
        icon(ICONS.upload),
        "Choose a video or zip",
      ),
      input,
    ),
    list,
  );
  return { element, start };
}
