/** Marks of glass and mirrors on the map's pixels, drawn by brush and polygon. No DOM here. */

export interface Mask {
  readonly width: number;
  readonly height: number;
  /** Row by row, 1 where marked. */
  readonly pixels: Uint8Array;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export function emptyMask(width: number, height: number): Mask {
  return { width, height, pixels: new Uint8Array(width * height) };
}

export function copyMask(mask: Mask): Mask {
  return { ...mask, pixels: mask.pixels.slice() };
}

export function countMarked(mask: Mask): number {
  let count = 0;
  for (const pixel of mask.pixels) count += pixel;
  return count;
}

/** Set every pixel whose centre is within `radius` of the line from a to b. */
export function stroke(mask: Mask, a: Point, b: Point, radius: number, value: 0 | 1): void {
  const left = Math.max(0, Math.ceil(Math.min(a.x, b.x) - radius));
  const right = Math.min(mask.width - 1, Math.floor(Math.max(a.x, b.x) + radius));
  const top = Math.max(0, Math.ceil(Math.min(a.y, b.y) - radius));
  const bottom = Math.min(mask.height - 1, Math.floor(Math.max(a.y, b.y) + radius));
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const length2 = dx * dx + dy * dy;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const along = length2 === 0 ? 0 : Math.min(1, Math.max(0, ((x - a.x) * dx + (y - a.y) * dy) / length2));
      const awayX = x - a.x - along * dx;
      const awayY = y - a.y - along * dy;
      if (awayX * awayX + awayY * awayY <= radius * radius) mask.pixels[y * mask.width + x] = value;
    }
  }
}

/** Set every pixel whose centre lies inside the polygon (even-odd rule). */
export function fillPolygon(mask: Mask, points: readonly Point[], value: 0 | 1): void {
  if (points.length < 3) return;
  for (let y = 0; y < mask.height; y++) {
    const crossings: number[] = [];
    points.forEach((a, i) => {
      const b = points[(i + 1) % points.length];
      if (a.y <= y !== b.y <= y) crossings.push(a.x + ((y - a.y) * (b.x - a.x)) / (b.y - a.y));
    });
    crossings.sort((one, other) => one - other);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const first = Math.max(0, Math.ceil(crossings[i]));
      const last = Math.min(mask.width - 1, Math.ceil(crossings[i + 1]) - 1);
      if (first <= last) mask.pixels.fill(value, y * mask.width + first, y * mask.width + last + 1);
    }
  }
}

/** Add the pixels of a class picture (0 opaque, 1 transparent, 2 mirror, 3 sky) that are glass or mirror, nearest pixel. */
export function addClasses(mask: Mask, classes: ArrayLike<number>, width: number, height: number): void {
  for (let y = 0; y < mask.height; y++) {
    const row = Math.min(height - 1, Math.floor(((y + 0.5) * height) / mask.height));
    for (let x = 0; x < mask.width; x++) {
      const column = Math.min(width - 1, Math.floor(((x + 0.5) * width) / mask.width));
      const found = classes[row * width + column];
      if (found === 1 || found === 2) mask.pixels[y * mask.width + x] = 1;
    }
  }
}

/** Marks for people: RGBA, `inside` (0..255) opaque inside, fully along the border. */
export function tint(
  mask: Mask,
  pixels: Uint8ClampedArray,
  [red, green, blue]: readonly [number, number, number],
  inside: number,
): void {
  const { width, height } = mask;
  const marked = mask.pixels;
  for (let y = 0, at = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4, i++) {
      if (marked[i] === 0) {
        pixels[at + 3] = 0;
        continue;
      }
      const border =
        x === 0 ||
        y === 0 ||
        x === width - 1 ||
        y === height - 1 ||
        marked[i - 1] + marked[i + 1] + marked[i - width] + marked[i + width] < 4;
      pixels[at] = red;
      pixels[at + 1] = green;
      pixels[at + 2] = blue;
      pixels[at + 3] = border ? 255 : inside;
    }
  }
}

/** The places where two masks of one size differ. */
export function difference(a: Mask, b: Mask): Uint32Array {
  const changed: number[] = [];
  for (let i = 0; i < a.pixels.length; i++) if (a.pixels[i] !== b.pixels[i]) changed.push(i);
  return Uint32Array.from(changed);
}

/** Swap marked and unmarked at the given places; twice is nothing. */
export function flip(mask: Mask, changed: Uint32Array): void {
  for (const i of changed) mask.pixels[i] = mask.pixels[i] === 0 ? 1 : 0;
}
