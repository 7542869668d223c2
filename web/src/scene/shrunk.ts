/** The picture with its longer side at most `largest` pixels: itself if it is small enough. */
export function shrunk(image: ImageBitmap, largest: number): ImageBitmap | HTMLCanvasElement {
  const share = Math.min(1, largest / Math.max(image.width, image.height));
  if (share === 1) return image;
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.width * share);
  canvas.height = Math.round(image.height * share);
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}
