// Lowest and highest values around every cell of a map.

/** Lowest within the square of 2 * reach + 1 cells. */
export function lowest(values, columns, rows, reach) {
  return inSquares(values, columns, rows, reach, Math.min);
}

/** Highest within the square of 2 * reach + 1 cells. */
export function highest(values, columns, rows, reach) {
  return inSquares(values, columns, rows, reach, Math.max);
}

function inSquares(values, columns, rows, reach, pick) {
  const wide = alongLines(values, columns, 1, rows, columns, reach, pick);
  return alongLines(wide, rows, columns, columns, 1, reach, pick);
}

/** Windows along lines of `length` values that are `step` apart; lines start `stride` apart. */
function alongLines(values, length, step, lines, stride, reach, pick) {
  const result = new Float32Array(values.length);
  const padded = new Float32Array(length + 2 * reach);
  for (let line = 0; line < lines; line++) {
    const start = line * stride;
    for (let at = 0; at < padded.length; at++) {
      padded[at] = values[start + step * Math.min(Math.max(at - reach, 0), length - 1)];
    }
    // The best of two windows is that of a window twice as long.
    for (let window = 1; window <= 2 * reach;) {
      const shift = Math.min(window, 2 * reach + 1 - window);
      for (let at = 0; at + shift < padded.length; at++) {
        padded[at] = pick(padded[at], padded[at + shift]);
      }
      window += shift;
    }
    for (let at = 0; at < length; at++) result[start + step * at] = padded[at];
  }
  return result;
}
