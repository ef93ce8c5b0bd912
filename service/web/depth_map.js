// A depth map from the service: NPY bytes to numbers, and numbers to nearness.

/** Metres: what the service calls farther than can be measured. */
export const FARTHEST = 1000;
const MAGIC = "\x93NUMPY";

/** Read a float32 .npy file: {width, height, values}. */
export function readNpy(buffer) {
  const view = new DataView(buffer);
  const text = (from, to) => String.fromCharCode(...new Uint8Array(buffer, from, to - from));
  if (text(0, 6) !== MAGIC) throw new Error("not an NPY file");
  const wide = view.getUint8(6) > 1;
  const start = wide ? 12 : 10;
  const end = start + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = text(start, end);
  const shape = /'shape': \((\d+), (\d+)\)/.exec(header);
  if (!shape || !header.includes("'<f4'")) throw new Error("not a float32 map");
  const [height, width] = [Number(shape[1]), Number(shape[2])];
  return { width, height, values: new Float32Array(buffer.slice(end), 0, width * height) };
}

/** A float32 .npy file of a map. */
export function writeNpy({ width, height, values }) {
  const shape = `{'descr': '<f4', 'fortran_order': False, 'shape': (${height}, ${width}), }`;
  // Magic, version and length take 10 bytes; with them the header is a multiple of 64.
  const header = `${shape.padEnd(64 * Math.ceil((shape.length + 11) / 64) - 11)}\n`;
  const head = [...`${MAGIC}\x01\x00`].map((letter) => letter.charCodeAt(0));
  return new Blob([Uint8Array.of(...head, header.length & 255, header.length >> 8), header, values]);
}

/** Values that grow towards the viewer, whatever the network's kind of depth. */
export function towardsViewer(values, kind) {
  if (kind === "metric_depth") return values.map((metres) => 1 / Math.max(metres, 1e-6));
  if (kind === "relative_depth") return values.map((depth) => -depth);
  return values;
}

/**
 * Nearness 0 (farthest) .. 1 (nearest), all 0 for a map without any range; `low` and `high` are the
 * values towards the viewer that have become 0 and 1.
 */
export function nearnessOf(values, kind) {
  const inverse = towardsViewer(values, kind);
  let [low, high] = [Infinity, -Infinity];
  for (const value of inverse) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const scale = high > low ? 1 / (high - low) : 0;
  return { nearness: inverse.map((value) => (value - low) * scale), low, high };
}
