/** Requests to the server that this page came from; no other host is ever asked. */

import type { KnownPoint } from "./depth";
import { ApiError, errorOf } from "./errors";
import type { About, ModelInfo } from "./store";

export interface Reply {
  readonly body: ArrayBuffer;
  readonly type: string;
  readonly header: (name: string) => string | null;
}

export interface Waiting {
  readonly signal: AbortSignal;
  /** "upload" with 0..1, "wait" once all is sent, "download" with 0..1 or null. */
  readonly onProgress?: (stage: "upload" | "wait" | "download", share: number | null) => void;
}

export type Options = Readonly<Record<string, string | number | boolean | null | undefined>>;

const TOKEN = "leadline-token";
let token = sessionStorage.getItem(TOKEN);

export function setToken(value: string): void {
  token = value;
  sessionStorage.setItem(TOKEN, value);
}

export function hasToken(): boolean {
  return token !== null;
}

function query(options: Options): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) {
    if (value !== null && value !== undefined && value !== "") given.set(name, String(value));
  }
  const text = given.toString();
  return text === "" ? "" : `?${text}`;
}

/** JSON for the server's `known`: the map's points in pixels of the picture, `scale` picture pixels to one of the map. */
export function knownOption(known: readonly KnownPoint[] | undefined, scaleX: number, scaleY: number): string | null {
  if (!known || known.length === 0) return null;
  const inPicture = (at: number, scale: number): number => Math.max(0, Number(((at + 0.5) * scale - 0.5).toFixed(3)));
  return JSON.stringify(known.map(({ x, y, metres }) => ({ x: inPicture(x, scaleX), y: inPicture(y, scaleY), metres })));
}

/** Send one request. XMLHttpRequest, since fetch tells nothing of an upload's progress. */
export function send(method: string, path: string, body: Blob | FormData | null, waiting: Waiting): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const aborted = (): DOMException => new DOMException("cancelled", "AbortError");
    if (waiting.signal.aborted) return reject(aborted());
    const request = new XMLHttpRequest();
    const stop = (): void => request.abort();
    request.open(method, path);
    request.responseType = "arraybuffer";
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    if (body instanceof Blob) request.setRequestHeader("Content-Type", body.type);
    if (body) {
      request.upload.onprogress = (event) =>
        waiting.onProgress?.("upload", event.lengthComputable ? event.loaded / event.total : null);
      request.upload.onload = () => waiting.onProgress?.("wait", null);
    }
    request.onprogress = (event) =>
      waiting.onProgress?.("download", event.lengthComputable ? event.loaded / event.total : null);
    request.onabort = () => reject(aborted());
    request.onerror = () =>
      reject(new ApiError("The server can't be reached: is `leadline serve` still running?", 0, "network"));
    request.onload = () => {
      const reply = request.response as ArrayBuffer;
      if (request.status >= 200 && request.status < 300) {
        const header = (name: string): string | null => request.getResponseHeader(name);
        resolve({ body: reply, type: header("Content-Type") ?? "", header });
      } else {
        reject(errorOf(request.status, new TextDecoder().decode(reply), request.getResponseHeader("Retry-After")));
      }
    };
    request.onloadend = () => waiting.signal.removeEventListener("abort", stop);
    waiting.signal.addEventListener("abort", stop);
    request.send(body);
  });
}

/** Like `send`; while the server's queue is full or it still starts, wait as long as it says and try again, three times. */
export async function sendPatiently(
  path: string,
  body: Blob | FormData,
  waiting: Waiting,
  onWait: (seconds: number) => void,
): Promise<Reply> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await send("POST", path, body, waiting);
    } catch (error) {
      const full = error instanceof ApiError && (error.status === 429 || error.status === 503);
      if (!full || attempt >= 3 || error.retryAfter === null) throw error;
      const seconds = Math.min(30, Math.max(1, error.retryAfter));
      onWait(seconds);
      await pause(1000 * seconds, waiting.signal);
    }
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(new DOMException("cancelled", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

export function path(name: string, options: Options = {}): string {
  return `${name}${query(options)}`;
}

async function json(method: string, address: string, body: FormData | null, waiting: Waiting): Promise<unknown> {
  const reply = await send(method, address, body, waiting);
  return JSON.parse(new TextDecoder().decode(reply.body)) as unknown;
}

const quietly = (): Waiting => ({ signal: new AbortController().signal });

export async function fetchAbout(): Promise<About> {
  return (await json("GET", "v1/about", null, quietly())) as About;
}

export async function fetchModels(): Promise<readonly ModelInfo[]> {
  return ((await json("GET", "v1/models", null, quietly())) as { models: readonly ModelInfo[] }).models;
}

/** A job as the server keeps it. */
export interface JobRecord {
  readonly id: string;
  readonly state: "queued" | "running" | "done" | "failed" | "cancelled";
  readonly kind: "video" | "zip";
  readonly total: number | null;
  readonly done: number;
  readonly failed: number;
  readonly seconds: number | null;
  readonly expires_at: string | number | null;
  readonly message: string | null;
}

export async function startJob(file: Blob, name: string, options: Options, waiting: Waiting): Promise<JobRecord> {
  const form = new FormData();
  form.append("file", file, name);
  return (await json("POST", path("v1/jobs", options), form, waiting)) as JobRecord;
}

export async function fetchJob(id: string): Promise<JobRecord> {
  return (await json("GET", `v1/jobs/${encodeURIComponent(id)}`, null, quietly())) as JobRecord;
}

export async function cancelJob(id: string): Promise<void> {
  await send("DELETE", `v1/jobs/${encodeURIComponent(id)}`, null, quietly());
}

export function fetchJobResult(id: string, waiting: Waiting): Promise<Reply> {
  return send("GET", `v1/jobs/${encodeURIComponent(id)}/result`, null, waiting);
}

/** The open event stream of a job. fetch, since EventSource can't send the token. */
export async function openEvents(id: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const headers: Record<string, string> = { Accept: "text/event-stream" };
  if (token) headers["Authorization"] = `Bearer ${token}`;
  const reply = await fetch(`v1/jobs/${encodeURIComponent(id)}/events`, { headers, signal });
  if (!reply.ok) throw errorOf(reply.status, await reply.text(), reply.headers.get("Retry-After"));
  if (!reply.body) throw new Error("The server sent no events: reload the page.");
  return reply.body;
}
