// How a WebP's EXIF says that it is turned: some browsers follow that and some do not.

const TAG = 0x0112;
const SHORT = 3;
// From stored to upright pixels, as canvas transforms of a photo `width` wide and `height` high.
const TURNS = {
  2: (width) => [-1, 0, 0, 1, width, 0],
  3: (width, height) => [-1, 0, 0, -1, width, height],
  4: (width, height) => [1, 0, 0, -1, 0, height],
  5: () => [0, 1, 1, 0, 0, 0],
  6: (width, height) => [0, 1, -1, 0, height, 0],
  7: (width, height) => [0, -1, -1, 0, height, width],
  8: (width) => [0, -1, 1, 0, 0, width],
};

/**
 * The file without its EXIF, which every browser shows as it is stored, and its turn, a function of
 * width and height; null for other files and for those that are stored upright.
 */
export async function storedOnItsSide(file) {
  // What cannot be read is said when it is sent.
  const read = async (part) => new Uint8Array(await part.arrayBuffer().catch(() => new ArrayBuffer(0)));
  if (!isWebp(await read(file.slice(0, 12)))) return null;
  const bytes = await read(file);
  const at = exifChunk(bytes);
  const turn = at && TURNS[orientation(bytes.subarray(at + 8))];
  if (!turn) return null;
  // A chunk of no known name is passed over.
  bytes.set([88, 88, 88, 88], at);
  const swaps = turn(1, 0)[0] === 0;
  return { stored: new Blob([bytes], { type: "image/webp" }), turn, swaps };
}

const text = (bytes, from, length) => String.fromCharCode(...bytes.subarray(from, from + length));

const isWebp = (bytes) => text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 4) === "WEBP";

/** Where the chunk EXIF begins; 0 if there is none (RIFF: a name, a length, an even number of bytes). */
function exifChunk(bytes) {
  const view = new DataView(bytes.buffer);
  for (let at = 12; at + 8 <= bytes.length;) {
    if (text(bytes, at, 4) === "EXIF") return at;
    const length = view.getUint32(at + 4, true);
    at += 8 + length + (length % 2);
  }
  return 0;
}

/** 1 (upright) to 8, as EXIF 2.3 has it in 4.6.4 A; 1 if it does not say. */
function orientation(exif) {
  const tiff = text(exif, 0, 6) === "Exif\0\0" ? exif.subarray(6) : exif;
  const little = text(tiff, 0, 2) === "II";
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.length);
  try {
    const directory = view.getUint32(4, little);
    const count = view.getUint16(directory, little);
    for (let at = directory + 2; at < directory + 2 + 12 * count; at += 12) {
      if (view.getUint16(at, little) === TAG && view.getUint16(at + 2, little) === SHORT) {
        return view.getUint16(at + 8, little);
      }
    }
  } catch {
    // It ends too soon.
  }
  return 1;
}
