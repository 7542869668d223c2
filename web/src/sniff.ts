/** What a file is by its first bytes. No DOM here. */

function text(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}

/** The content type that at least twelve first bytes stand for, or null of what leadline doesn't read. */
export function sniff(bytes: Uint8Array): string | null {
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "image/jpeg";
  if (text(bytes, 0, 4) === "\x89PNG") return "image/png";
  if (text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 12) === "WEBP") return "image/webp";
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].includes(text(bytes, 0, 4))) return "image/tiff";
  if (text(bytes, 0, 2) === "BM") return "image/bmp";
  if (
    text(bytes, 4, 8) === "ftyp" &&
    ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"].includes(text(bytes, 8, 12))
  ) {
    return "image/heic";
  }
  return null;
}
