// From nearness to points in space, by the service's rule: the nearest pixel is at distance 1, the
// farthest at `farRatio`, and 1 / distance is linear in nearness between them.

/** Degrees across the longer side where nothing tells it: the service's own, about a phone's. */
export const FIELD_OF_VIEW = 65;
// Neighbours whose distances differ by more than this belong to different things.
const JUMP = 1.13;
// The network's edges are soft ramps of a few cells; a step in this much nearness is an edge.
const EDGE_REACH = 4;
const EDGE_STEP = 0.15;

/** A grid of points of at most `longest` columns and rows, with their colours. */
export function gridOf(scene, longest, farRatio) {
  const scale = Math.min(1, longest / Math.max(scene.width, scene.height));
  const columns = Math.max(2, Math.round(scene.width * scale));
  const rows = Math.max(2, Math.round(scene.height * scale));
  const focal = Math.max(columns, rows) / 2 / Math.tan((FIELD_OF_VIEW * Math.PI) / 360);
  const positions = new Float32Array(3 * columns * rows);
  const uvs = new Float32Array(2 * columns * rows);
  const distances = new Float32Array(columns * rows);
  const nearness = withHardEdges(sampled(scene, columns, rows), columns, rows);
  for (let row = 0, index = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, index++) {
      const [u, v] = [(column + 0.5) / columns, (row + 0.5) / rows];
      const distance = 1 / (nearness[index] * (1 - 1 / farRatio) + 1 / farRatio);
      distances[index] = distance;
      positions[3 * index] = ((column - (columns - 1) / 2) / focal) * distance;
      positions[3 * index + 1] = (-(row - (rows - 1) / 2) / focal) * distance;
      positions[3 * index + 2] = -distance;
      uvs[2 * index] = u;
      uvs[2 * index + 1] = 1 - v;
    }
  }
  return { columns, rows, positions, uvs, distances };
}

function sampled(scene, columns, rows) {
  return Float32Array.from({ length: columns * rows }, (_, index) => scene.nearnessAt(
    ((index % columns) + 0.5) / columns, (Math.floor(index / columns) + 0.5) / rows,
  ));
}

/** Every cell of a soft edge joins its nearer or its farther side, so that a cut there is clean. */
function withHardEdges(nearness, columns, rows) {
  const low = extremes(nearness, columns, rows, Math.min);
  const high = extremes(nearness, columns, rows, Math.max);
  return nearness.map((value, index) => {
    if (high[index] - low[index] < EDGE_STEP) return value;
    return value - low[index] > high[index] - value ? high[index] : low[index];
  });
}

/** The least or greatest value around each cell: along the rows, then along the columns. */
function extremes(values, columns, rows, choose) {
  const along = (source, step, place, length) => source.map((_, index) => {
    const at = place(index);
    let best = source[index];
    for (let offset = -EDGE_REACH; offset <= EDGE_REACH; offset++) {
      if (at + offset < 0 || at + offset >= length) continue;
      best = choose(best, source[index + offset * step]);
    }
    return best;
  });
  const wide = along(values, 1, (index) => index % columns, columns);
  return along(wide, columns, (index) => Math.floor(index / columns), rows);
}

/** Two triangles a cell, but none across a jump in depth. */
export function trianglesOf({ columns, rows, distances }) {
  const triangles = [];
  const add = (a, b, c) => {
    const [d, e, f] = [distances[a], distances[b], distances[c]];
    if (Math.max(d, e, f) < JUMP * Math.min(d, e, f)) triangles.push(a, b, c);
  };
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const a = row * columns + column;
      add(a, a + columns, a + 1);
      add(a + 1, a + columns, a + columns + 1);
    }
  }
  return triangles;
}
