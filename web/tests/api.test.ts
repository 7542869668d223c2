import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

type Api = typeof import("../src/api");

const shelf = new Map<string, string>();

/** Enough of a browser's request for the module to run; answers are queued by the test. */
class FakeRequest {
  static answers: { status: number; body: string; headers?: Record<string, string> }[] = [];
  static sent: { method: string; path: string; headers: Record<string, string> }[] = [];
  upload: Record<string, unknown> = {};
  status = 0;
  response = new ArrayBuffer(0);
  responseType = "";
  onload: () => void = () => undefined;
  onabort: () => void = () => undefined;
  onloadend: () => void = () => undefined;
  private answer: { status: number; body: string; headers?: Record<string, string> } | undefined;
  private record = { method: "", path: "", headers: {} as Record<string, string> };

  open(method: string, path: string): void {
    this.record = { method, path, headers: {} };
  }
  setRequestHeader(name: string, value: string): void {
    this.record.headers[name] = value;
  }
  getResponseHeader(name: string): string | null {
    return this.answer?.headers?.[name] ?? null;
  }
  send(): void {
    FakeRequest.sent.push(this.record);
    this.answer = FakeRequest.answers.shift();
    const { answer } = this;
    if (!answer) return; // never answers
    this.status = answer.status;
    this.response = new TextEncoder().encode(answer.body).buffer as ArrayBuffer;
    queueMicrotask(() => {
      this.onload();
      this.onloadend();
    });
  }
  abort(): void {
    this.onabort();
    this.onloadend();
  }
}

let api: Api;

beforeEach(async () => {
  vi.resetModules();
  vi.useFakeTimers();
  shelf.clear();
  FakeRequest.answers = [];
  FakeRequest.sent = [];
  vi.stubGlobal("sessionStorage", {
    getItem: (key: string) => shelf.get(key) ?? null,
    setItem: (key: string, value: string) => shelf.set(key, value),
  });
  vi.stubGlobal("XMLHttpRequest", FakeRequest);
  api = await import("../src/api");
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const waiting = () => ({ signal: new AbortController().signal });
const photo = () => new Blob(["x"], { type: "image/jpeg" });

describe("requests", () => {
  test("leave out options without a value and write the others in the address", () => {
    expect(
      api.path("v1/depth", { model: null, output: "npz", longest: 800, fill: false, focal_px: undefined, known: "" }),
    ).toBe("v1/depth?output=npz&longest=800&fill=false");
  });

  test("carry the token once there is one, and it stays for the session", async () => {
    FakeRequest.answers = [
      { status: 200, body: "{}" },
      { status: 200, body: "{}" },
    ];
    await api.fetchAbout();
    api.setToken("secret");
    await api.fetchAbout();
    expect(FakeRequest.sent.map(({ headers }) => headers["Authorization"])).toEqual([undefined, "Bearer secret"]);
    expect([...shelf.values()]).toEqual(["secret"]);
  });

  test("carry the photo's own type", async () => {
    FakeRequest.answers = [{ status: 200, body: "" }];
    await api.send("POST", "v1/depth", photo(), waiting());
    expect(FakeRequest.sent[0].headers["Content-Type"]).toBe("image/jpeg");
  });

  test("end at once when they are cancelled", async () => {
    const stop = new AbortController();
    const request = api.send("POST", "v1/depth", photo(), { signal: stop.signal });
    stop.abort();
    await expect(request).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("a full queue", () => {
  const full = { status: 429, body: '{"error": "full", "code": "busy"}', headers: { "Retry-After": "2" } };

  test("is waited for as long as the server says", async () => {
    FakeRequest.answers = [full, { status: 200, body: "ok" }];
    const waits: number[] = [];
    const reply = api.sendPatiently("v1/depth", photo(), waiting(), (seconds) => waits.push(seconds));
    await vi.advanceTimersByTimeAsync(1900);
    expect(FakeRequest.sent.length).toBe(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(new TextDecoder().decode((await reply).body)).toBe("ok");
    expect(waits).toEqual([2]);
  });

  test("is given up after three waits, with the server's sentence", async () => {
    FakeRequest.answers = [full, full, full, full, { status: 200, body: "too late" }];
    const reply = api.sendPatiently("v1/depth", photo(), waiting(), () => undefined);
    const refused = expect(reply).rejects.toThrow("full");
    await vi.advanceTimersByTimeAsync(60_000);
    await refused;
    expect(FakeRequest.sent.length).toBe(4);
  });

  test("can be left while waiting", async () => {
    FakeRequest.answers = [full];
    const stop = new AbortController();
    const reply = api.sendPatiently("v1/depth", photo(), { signal: stop.signal }, () => stop.abort());
    await expect(reply).rejects.toMatchObject({ name: "AbortError" });
  });

  test("other refusals are not tried again", async () => {
    FakeRequest.answers = [{ ...full, status: 422 }];
    await expect(api.sendPatiently("v1/depth", photo(), waiting(), () => undefined)).rejects.toThrow("full");
    expect(FakeRequest.sent.length).toBe(1);
  });
});

describe("known distances", () => {
  test("are sent in pixels of the picture, whose pixel centres differ from the map's", () => {
    const known = [{ x: 10, y: 20, metres: 2.5 }];
    expect(JSON.parse(api.knownOption(known, 2, 3) ?? "")).toEqual([{ x: 20.5, y: 61, metres: 2.5 }]);
    expect(JSON.parse(api.knownOption(known, 1, 1) ?? "")).toEqual(known);
    expect(JSON.parse(api.knownOption([{ x: 0, y: 0, metres: 1 }], 0.5, 0.5) ?? "")).toEqual([{ x: 0, y: 0, metres: 1 }]);
  });

  test("are left out when there are none", () => {
    expect(api.knownOption([], 1, 1)).toBeNull();
    expect(api.knownOption(undefined, 1, 1)).toBeNull();
  });
});
