// A photo file as a canvas of bounded size, upright, and small enough to send.

import { Problem } from "./client.js";
import { storedOnItsSide } from "./webp.js";

// The network sees some 256 x 256 pixels: more than this would be sent for nothing.
const LONGEST_SIDE = 1024;
const SMALL_BYTES = 400_000;

/** The photo as a canvas of at most 1024 pixels and its own size; null if it cannot be decoded. */
export async function readPhoto(file) {
  const image = await createImageBitmap(file).catch(() => null);
  if (!image) return null;
  const scale = Math.min(1, LONGEST_SIDE / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  const context = whiteContext(canvas);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  const { width, height } = image;
  image.close();
  return { canvas, width, height };
}

/** To draw on a canvas that is white: the service puts transparent pixels on white, too. */
function whiteContext(canvas) {
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  return context;
}

/**
 * The file, or an upright JPEG of it where the browser can show it and the service does not read it,
 * and of a WebP that is stored on its side: the service turns it, and a browser may not. Throws a
 * Problem for an empty file.
 */
export async function readableFile(file) {
  if (!file.size) throw new Problem("empty");
  const read = document.getElementById("file").accept.split(",");
  const turned = await storedOnItsSide(file);
  if (!turned && (!file.type.startsWith("image/") || read.includes(file.type))) return file;
  const image = await createImageBitmap(turned?.stored ?? file).catch(() => null);
  if (!image) return file;
  const { width, height } = image;
  const canvas = turned?.swaps ? new OffscreenCanvas(height, width) : new OffscreenCanvas(width, height);
  const context = whiteContext(canvas);
  if (turned) context.setTransform(...turned.turn(width, height));
  context.drawImage(image, 0, 0);
  image.close();
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.95 });
  return new File([blob], `${file.name}.jpg`, { type: blob.type });
}

/** What to send for the view: the file itself, or a smaller JPEG of a big one. */
export async function viewUpload(file, photo) {
  if (!photo || (photo.width === photo.canvas.width && file.size < SMALL_BYTES)) return file;
  return new Promise((resolve) => photo.canvas.toBlob(resolve, "image/jpeg", 0.92));
}
