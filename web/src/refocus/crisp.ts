/**
 * Soft edges of a disparity map made hard.
 *
 * Networks draw an edge as a ramp of several pixels. The pixels on it belong to no depth between the two sides; blurred as if
 * they did, they show as sharp lines around everything. Where the neighbourhood's range is large, each pixel takes
 * its largest or its smallest value (the toggle contrast of Kramer and Bruckner 1975); slopes are left as they are.
 */

/** A neighbourhood whose range is above this share of the whole range holds an edge. */
const EDGE = 0.06;
/** From this share of the range on, a pixel goes to the near side: maps draw objects too small rather than too large. */
const NEAR_FROM = 0.2;

export function crisp(disparity: Float32Array, width: number, reach: number): Float32Array {
  const height = disparity.length / width;
  const highest = extreme(extreme(disparity, width, height, reach, Math.max, 1), width, height, reach, Math.max, width);
  const lowest = extreme(extreme(disparity, width, height, reach, Math.min, 1), width, height, reach, Math.min, width);
  const sharp = new Float32Array(disparity.length);
  for (let i = 0; i < sharp.length; i++) {
    const value = disparity[i];
    if (highest[i] - lowest[i] <= EDGE) sharp[i] = value;
    else sharp[i] = value - lowest[i] >= NEAR_FROM * (highest[i] - lowest[i]) ? highest[i] : lowest[i];
  }
  return sharp;
}

/**
 * The largest or smallest value within `reach` pixels along rows (stride 1) or columns (stride width).
 *
 * van Herk 1992: running extremes of blocks from both ends, so that the reach costs nothing.
 */
function extreme(
  values: Float32Array, width: number, height: number, reach: number, pick: (a: number, b: number) => number, stride: number,
): Float32Array {
  const alongRows = stride === 1;
  const length = alongRows ? width : height;
  const lines = alongRows ? height : width;
  const step = alongRows ? width : 1;
  const block = 2 * reach + 1;
  const forward = new Float32Array(length);
  const backward = new Float32Array(length);
  const result = new Float32Array(values.length);
  for (let line = 0; line < lines; line++) {
    const start = line * step;
    for (let i = 0; i < length; i++) {
      const value = values[start + i * stride];
      forward[i] = i % block === 0 ? value : pick(forward[i - 1], value);
    }
    for (let i = length - 1; i >= 0; i--) {
      const value = values[start + i * stride];
      backward[i] = i === length - 1 || (i + 1) % block === 0 ? value : pick(backward[i + 1], value);
    }
    for (let i = 0; i < length; i++) {
      // The window lies in one block or touches two: the end of the one and the start of the other.
      const first = Math.max(0, i - reach);
      const last = Math.min(length - 1, i + reach);
      const left = first === 0 ? forward[last] : backward[first];
      const right = first > 0 && Math.floor(first / block) === Math.floor(last / block) ? left : forward[last];
      result[start + i * stride] = pick(left, right);
    }
  }
  return result;
}
