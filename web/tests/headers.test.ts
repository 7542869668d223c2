import { describe, expect, test } from "vitest";
import { fovFromFocal, focalFromFov } from "../src/depth";
import { errorOf } from "../src/errors";
import { readFloats, readHeaders } from "../src/headers";
import { sniff } from "../src/sniff";

const GOOD: Record<string, string> = {
  "Leadline-Kind": "disparity/affine_invariant",
  "Leadline-Unit": "none",
  "Leadline-Size": "480x640",
  "Leadline-Camera": '{"focal_px": 500.0, "fov_deg": null, "source": "exif"}',
  "Leadline-Model": "leadline-s.v1",
  "Leadline-Version": "0.1.0",
  "Leadline-Notes": '["made smaller", "caf\\u00e9"]',
};
const read = (change: Record<string, string | null> = {}) => {
  const all: Record<string, string | null> = { ...GOOD, ...change };
  return readHeaders((name) => all[name] ?? null);
};

describe("headers", () => {
  test("height comes before width", () => {
    expect([read().width, read().height]).toEqual([640, 480]);
  });

  test("a missing field of view follows from the focal length", () => {
    expect(read().camera.fovDeg).toBeCloseTo((2 * Math.atan(320 / 500) * 180) / Math.PI, 10);
    expect(focalFromFov(fovFromFocal(500, 640), 640)).toBeCloseTo(500, 9);
  });

  test("notes keep their letters, and damaged ones are none", () => {
    expect(read().notes).toEqual(["made smaller", "café"]);
    expect(read({ "Leadline-Notes": "[" }).notes).toEqual([]);
    expect(read({ "Leadline-Camera": null }).camera).toEqual({ focalPx: null, fovDeg: null, source: "none" });
  });

  test("an unknown kind or a missing size is refused", () => {
    expect(() => read({ "Leadline-Kind": "depth/guess" })).toThrow("depth/guess");
    expect(() => read({ "Leadline-Kind": null })).toThrow("missing");
    expect(() => read({ "Leadline-Size": "480" })).toThrow("size");
  });
});

describe("values", () => {
  test("are little-endian float32 with NaN for none", () => {
    const body = new ArrayBuffer(8);
    new DataView(body).setFloat32(0, 1.5, true);
    new DataView(body).setFloat32(4, Number.NaN, true);
    expect([...readFloats(body, 2)]).toEqual([1.5, Number.NaN]);
  });

  test("a reply that is cut off is refused", () => {
    expect(() => readFloats(new ArrayBuffer(7), 2)).toThrow("7 bytes, expected 8");
  });
});

describe("errors", () => {
  test("the server's own sentence is used", () => {
    const error = errorOf(429, '{"error": "the queue is full: try later", "code": "busy"}', "2");
    expect([error.message, error.code, error.retryAfter]).toEqual(["the queue is full: try later", "busy", 2]);
  });

  test("other replies get a sentence that says what to do", () => {
    expect(errorOf(413, "<html>", null).message).toContain("choose a smaller one");
    expect(errorOf(418, "", "soon").message).toContain("418");
    expect(errorOf(503, "", "soon").retryAfter).toBeNull();
    expect(errorOf(503, "", "").retryAfter).toBeNull();
  });
});

test("files are known by their first bytes, not by their names", () => {
  const bytes = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  expect(sniff(bytes("\xff\xd8\xff\xe0........"))).toBe("image/jpeg");
  expect(sniff(bytes("\x89PNG\r\n\x1a\n...."))).toBe("image/png");
  expect(sniff(bytes("RIFF....WEBP"))).toBe("image/webp");
  expect(sniff(bytes("RIFF....WAVE"))).toBeNull();
  expect(sniff(bytes("....ftypheic"))).toBe("image/heic");
  expect(sniff(bytes("<svg xmlns=."))).toBeNull();
});
