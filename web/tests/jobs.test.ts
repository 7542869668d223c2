import { describe, expect, test } from "vitest";
import { EventParser } from "../src/sse";

describe("server-sent events", () => {
  const text = ': hello\n\nevent: progress\ndata: {"done": 1}\n\n: alive\n\nevent: done\ndata: one\ndata: two\n\n';
  const expected = [
    { event: "progress", data: '{"done": 1}' },
    { event: "done", data: "one\ntwo" },
  ];

  test("come out whole however the text is cut, and comments are left out", () => {
    for (let size = 1; size < 12; size++) {
      const parser = new EventParser();
      const found = [];
      for (let i = 0; i < text.length; i += size) found.push(...parser.feed(text.slice(i, i + size)));
      expect(found).toEqual(expected);
    }
  });

  test("lines may end with CR LF, cut between the two", () => {
    const windows = text.replaceAll("\n", "\r\n");
    for (let size = 1; size < 12; size++) {
      const parser = new EventParser();
      const found = [];
      for (let i = 0; i < windows.length; i += size) found.push(...parser.feed(windows.slice(i, i + size)));
      expect(found).toEqual(expected);
    }
  });

  test("an event that isn't finished waits", () => {
    expect(new EventParser().feed("event: done\ndata: {}\n")).toEqual([]);
  });
});
