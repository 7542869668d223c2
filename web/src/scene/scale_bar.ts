/** A bar of a round length: 1, 2 or 5 times a power of ten metres, between 60 and 160 pixels long. */
export function scaleBar(metresPerPixel: number): { metres: number; pixels: number; words: string } {
  const most = 160 * metresPerPixel;
  const power = 10 ** Math.floor(Math.log10(most));
  const factor = [5, 2, 1].find((times) => times * power <= most) ?? 1;
  const metres = factor * power;
  const words = metres >= 1 ? `${metres} m` : metres >= 0.01 ? `${Math.round(metres * 100)} cm` : `${Math.round(metres * 1000)} mm`;
  return { metres, pixels: metres / metresPerPixel, words };
}
