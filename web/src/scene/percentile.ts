/** The value below which the given share (0..1) of the numbers lies; NaN and infinities don't count, NaN if none is left. */
export function percentile(values: ArrayLike<number>, share: number): number {
  return percentiles(values, [share])[0];
}

/** Several percentiles of one array; of large arrays, of an even sample. */
export function percentiles(values: ArrayLike<number>, shares: readonly number[], sampled = 200_000): number[] {
  const step = Math.max(1, Math.floor(values.length / sampled));
  const kept = new Float32Array(Math.ceil(values.length / step));
  let count = 0;
  for (let i = 0; i < values.length; i += step) {
    if (Number.isFinite(values[i])) kept[count++] = values[i];
  }
  if (count === 0 && step > 1) return percentiles(values, shares, values.length); // the few there are lie between the samples
  const sorted = kept.subarray(0, count).sort();
  return shares.map((share) => {
    if (count === 0) return Number.NaN;
    const at = Math.min(1, Math.max(0, share)) * (count - 1);
    const below = Math.floor(at);
    const above = Math.min(count - 1, below + 1);
    return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
  });
}
