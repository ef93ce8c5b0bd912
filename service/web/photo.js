// A photo file as a canvas of bounded size, upright, and small enough to send.

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
  const context = canvas.getContext("2d");
  // The service puts transparent pixels on white, too.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  const { width, height } = image;
  image.close();
  return { canvas, width, height };
}

/** What to send for the view: the file itself, or a smaller JPEG of a big one. */
export async function viewUpload(file, photo) {
  if (!photo || (photo.width === photo.canvas.width && file.size < SMALL_BYTES)) return file;
  return new Promise((resolve) => photo.canvas.toBlob(resolve, "image/jpeg", 0.92));
}
