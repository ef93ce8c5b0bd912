// What is behind the foreground: invented from what is seen beside it.

import { highest, lowest } from "./extremes.js";

/**
 * Where the foreground may uncover something when it is looked past: cells on the near side of a
 * jump by more than the factor `jump` in distance, within `reach` cells of it.
 */
export function coveredCells(distances, columns, rows, jump, reach) {
  const low = lowest(distances, columns, rows, 1);
  const high = highest(distances, columns, rows, 1);
  const jumps = (index) => high[index] > jump * low[index];
  const far = highest(high.map((value, index) => (jumps(index) ? value : 0)), columns, rows, reach);
  const near = lowest(low.map((value, index) => (jumps(index) ? value : Infinity)), columns, rows, reach);
  const isNearer = (distance, one, other) => 2 / distance > 1 / one + 1 / other;
  return Uint8Array.from(distances, (distance, index) => {
    // Of three things behind each other, the middle one is far from the first, and near to the last.
    const atEdge = jumps(index) && isNearer(distance, low[index], high[index]);
    return atEdge || (near[index] < far[index] && isNearer(distance, near[index], far[index])) ? 1 : 0;
  });
}

/**
 * Values with the missing ones filled smoothly from around them: each level of a pyramid keeps what
 * it knows and takes the rest from the coarser one (push-pull: Gortler et al., "The Lumigraph", 1996).
 */
export function filled(values, missing, columns, rows) {
  if (!missing.includes(1) || (columns === 1 && rows === 1)) return values;
  const [width, height] = [columns, rows].map((side) => Math.ceil(side / 2));
  const sums = new Float32Array(width * height);
  const counts = new Float32Array(width * height);
  for (let row = 0, index = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, index++) {
      if (missing[index]) continue;
      const coarse = (row >> 1) * width + (column >> 1);
      sums[coarse] += values[index];
      counts[coarse]++;
    }
  }
  const means = sums.map((sum, index) => (counts[index] ? sum / counts[index] : 0));
  const unknown = Uint8Array.from(counts, (count) => (count ? 0 : 1));
  const coarse = filled(means, unknown, width, height);
  return values.map((value, index) => (
    missing[index] ? between(coarse, width, height, index % columns, Math.floor(index / columns)) : value
  ));
}

/** Bilinear, at a cell of the finer level. */
function between(coarse, width, height, column, row) {
  const [x, y] = [Math.max(column / 2 - 0.25, 0), Math.max(row / 2 - 0.25, 0)];
  const [left, top] = [Math.min(Math.floor(x), width - 1), Math.min(Math.floor(y), height - 1)];
  const [right, bottom] = [Math.min(left + 1, width - 1), Math.min(top + 1, height - 1)];
  const along = (line) => (
    coarse[line * width + left] + (x - left) * (coarse[line * width + right] - coarse[line * width + left])
  );
  return along(top) + (y - top) * (along(bottom) - along(top));
}

/** The photo where the hidden cells are painted with what is around the covered ones. */
export function behind(photo, { columns, rows, covered, hidden }) {
  // One cell more: the edge's own pixels still have some of the foreground's colour.
  const [missing, painted] = [covered, hidden].map((cells) => Uint8Array.from(highest(cells, columns, rows, 1)));
  const small = document.createElement("canvas");
  [small.width, small.height] = [columns, rows];
  const context = small.getContext("2d", { willReadFrequently: true });
  context.drawImage(photo, 0, 0, columns, rows);
  const picture = context.getImageData(0, 0, columns, rows);
  for (let channel = 0; channel < 3; channel++) {
    const values = Float32Array.from(missing, (_, index) => picture.data[4 * index + channel]);
    filled(values, missing, columns, rows).forEach((value, index) => {
      picture.data[4 * index + channel] = value;
    });
  }
  painted.forEach((isPainted, index) => { picture.data[4 * index + 3] = 255 * isPainted; });
  context.putImageData(picture, 0, 0);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [photo.width, photo.height];
  const large = canvas.getContext("2d");
  large.drawImage(photo, 0, 0);
  large.drawImage(small, 0, 0, photo.width, photo.height);
  return canvas;
}
