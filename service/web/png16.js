// A depth map as the service's 16-bit PNG, whose text chunks say what its levels mean.

import { FARTHEST } from "./depth_map.js";

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10);
const LEVELS = 65535;
const FILTER_UP = 2;
const [GREY, BITS] = [0, 16];

/** value = min + level / 65535 * (max - min), of a map without gaps. Returns a Blob. */
export async function writeDepth16({ values: exact, width, height, kind }, model) {
  const isOpen = exact.includes(Infinity);
  // What stands for infinity.
  const values = isOpen ? exact.map((value) => Math.min(value, FARTHEST)) : exact;
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const scale = high > low ? LEVELS / (high - low) : 0;
  const rows = new Uint8Array(height * (1 + 2 * width));
  const above = new Uint8Array(2 * width);
  for (let row = 0, at = 0; row < height; row++) {
    rows[at++] = FILTER_UP;
    for (let column = 0; column < width; column++) {
      const level = Math.round((values[row * width + column] - low) * scale);
      [level >> 8, level & 255].forEach((byte, half) => {
        rows[at++] = byte - above[2 * column + half];
        above[2 * column + half] = byte;
      });
    }
  }
  const text = {
    "Depth-Model": model, "Depth-Kind": kind, "Depth-Min": low, "Depth-Max": high,
    ...(kind === "metric_depth" && { "Depth-Unit": "metre" }), ...(isOpen && { "Depth-Beyond": high }),
  };
  return new Blob([
    SIGNATURE,
    chunk("IHDR", join(number(width), number(height), Uint8Array.of(BITS, GREY, 0, 0, 0))),
    ...Object.entries(text).map(([keyword, value]) => chunk("tEXt", latin(`${keyword}\0${value}`))),
    chunk("IDAT", await deflated(rows)),
    chunk("IEND", new Uint8Array()),
  ], { type: "image/png" });
}

/** The stream that PNG wants has zlib's frame, which browsers call "deflate". */
async function deflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function chunk(kind, data) {
  const body = join(latin(kind), data);
  return join(number(data.length), body, number(checksum(body)));
}

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const latin = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const number = (value) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** CRC-32, as PNG has it. */
function checksum(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}
