/** Server-sent events, read from a stream of bytes. */

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

/** Takes pieces of text as they come and gives whole events; comments and unknown fields are left out. */
export class EventParser {
  private rest = "";

  feed(text: string): ServerEvent[] {
    // A CR at the very end may be the first half of a CR LF: keep it for the next piece.
    const whole = this.rest + text;
    const held = whole.endsWith("\r") ? "\r" : "";
    const blocks = whole
      .slice(0, whole.length - held.length)
      .replaceAll("\r\n", "\n")
      .replaceAll("\r", "\n")
      .split("\n\n");
    this.rest = (blocks.pop() ?? "") + held;
    return blocks.map(parseBlock).filter((event): event is ServerEvent => event !== null);
  }
}

function parseBlock(block: string): ServerEvent | null {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (line.slice(0, colon) === "event") event = value;
    else if (line.slice(0, colon) === "data") data.push(value);
  }
  return data.length === 0 ? null : { event, data: data.join("\n") };
}

/** Call `take` with every event until the stream ends or `take` says true. */
export async function readEvents(stream: ReadableStream<Uint8Array>, take: (event: ServerEvent) => boolean): Promise<void> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const event of parser.feed(decoder.decode(value, { stream: true }))) {
      if (take(event)) {
        await reader.cancel();
        return;
      }
    }
  }
}
