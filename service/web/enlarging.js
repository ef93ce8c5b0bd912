// A depth map at a photo's size, as the service brings it there: each network has its own way.

// The cubic kernel of OpenCV and torch.
function cubicWeights(fraction) {
  const a = -0.75;
  const outer = (x) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  const inner = (x) => ((a + 2) * x - (a + 3)) * x * x + 1;
  return [outer(fraction + 1), inner(fraction), inner(1 - fraction), outer(2 - fraction)];
}

const linearWeights = (fraction) => [0, 1 - fraction, fraction, 0];
const byCentres = (index, from, to) => ((index + 0.5) * from) / to - 0.5;
const byCorners = (index, from, to) => (to > 1 ? (index * (from - 1)) / (to - 1) : 0);

// By `enlarge` of /v1/models.
const WAYS = {
  cubic: [byCentres, cubicWeights],
  linear: [byCentres, linearWeights],
  linear_corners: [byCorners, linearWeights],
};

function tapsOf([place, weightsOf], from, to) {
  return Array.from({ length: to }, (_, index) => {
    const position = place(index, from, to);
    const base = Math.floor(position);
    const clamp = (tap) => Math.min(Math.max(tap, 0), from - 1);
    return {
      at: [clamp(base - 1), clamp(base), clamp(base + 1), clamp(base + 2)],
      weights: weightsOf(position - base),
    };
  });
}

/**
 * A map of a `kind` at another size, by its own way. Cubic overshoots beside an edge: metres are
 * never less than the map's smallest.
 */
export function enlarged({ values, width, height, enlarge }, kind, toWidth, toHeight) {
  // What was kept before the service told the way has none.
  const way = WAYS[enlarge] ?? WAYS.cubic;
  const across = tapsOf(way, width, toWidth);
  const down = tapsOf(way, height, toHeight);
  const wide = new Float32Array(toWidth * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < toWidth; x++) {
      const { at, weights } = across[x];
      const row = y * width;
      wide[y * toWidth + x] =
        values[row + at[0]] * weights[0] + values[row + at[1]] * weights[1] +
        values[row + at[2]] * weights[2] + values[row + at[3]] * weights[3];
    }
  }
  const least = kind === "metric_depth" ? values.reduce((one, other) => Math.min(one, other)) : -Infinity;
  const result = new Float32Array(toWidth * toHeight);
  for (let y = 0; y < toHeight; y++) {
    const { at, weights } = down[y];
    for (let x = 0; x < toWidth; x++) {
      result[y * toWidth + x] = Math.max(
        wide[at[0] * toWidth + x] * weights[0] + wide[at[1] * toWidth + x] * weights[1] +
        wide[at[2] * toWidth + x] * weights[2] + wide[at[3] * toWidth + x] * weights[3], least,
      );
    }
  }
  return { values: result, width: toWidth, height: toHeight };
}
