// From nearness to surfaces in space, by the service's rule: the nearest pixel is at distance 1, the
// farthest at `farRatio`, and 1 / distance is linear in nearness between them.

import { coveredCells, filled } from "./background.js";
import { highest, lowest } from "./extremes.js";

/** Degrees across the longer side where nothing tells it: the service's own, about a phone's. */
export const FIELD_OF_VIEW = 65;
// Neighbours whose distances differ by more than this belong to different things.
const JUMP = 1.13;
// The network's edges are soft ramps of a few cells; a step in this much nearness is an edge.
const EDGE_REACH = 4;
const EDGE_STEP = 0.15;
// How far behind the foreground's edges there is a background, as a share of the longer side.
const BEHIND_SHARE = 0.25;
// What lies less than this factor behind the foreground is the same surface.
const CLEARANCE = 1.04;
// Nearness below which all is sky, or as far.
export const SKY = 0.06;
const RIM_ROUNDS = 3;
const WHOLE = 6;

/**
 * The scene as two surfaces of at most `longest` columns and rows: what the photo shows, `front`, and
 * what may be behind its foreground, `back`. `covered` has the cells that say nothing about what is
 * behind, `hidden` those of them behind which there is something.
 */
export function surfacesOf(scene, longest, farRatio, withoutSky) {
  const scale = Math.min(1, longest / Math.max(scene.width, scene.height));
  const columns = Math.max(2, Math.round(scene.width * scale));
  const rows = Math.max(2, Math.round(scene.height * scale));
  const hard = withHardEdges(sampled(scene, columns, rows), columns, rows);
  // Cells on an edge have colours of both sides: they go with the foreground.
  const nearness = highest(hard, columns, rows, 1);
  const focal = scene.focal * (Math.max(columns, rows) / Math.max(scene.width, scene.height));
  const grid = { columns, rows, focal };
  const far = (near) => 1 / (near * (1 - 1 / farRatio) + 1 / farRatio);
  const reach = Math.ceil(BEHIND_SHARE * Math.max(columns, rows));
  const covered = coveredCells(nearness.map(far), columns, rows, JUMP, reach);
  const guess = filled(nearness, covered, columns, rows);
  const hidden = covered.map((isCovered, index) => (
    isCovered && far(guess[index]) > CLEARANCE * far(nearness[index])
  ));
  const background = guess.map((value, index) => (hidden[index] ? value : nearness[index]));
  const seen = (near) => (withoutSky && near < SKY ? NaN : far(near));
  return {
    columns, rows, covered, hidden,
    front: frontOf(grid, nearness.map(seen), covered),
    back: backOf(grid, background.map(seen), hidden),
  };
}

function sampled(scene, columns, rows) {
  return Float32Array.from({ length: columns * rows }, (_, index) => scene.nearnessAt(
    ((index % columns) + 0.5) / columns, (Math.floor(index / columns) + 0.5) / rows,
  ));
}

/** Every cell of a soft edge joins its nearer or its farther side, so that a cut there is clean. */
function withHardEdges(nearness, columns, rows) {
  const low = lowest(nearness, columns, rows, EDGE_REACH);
  const high = highest(nearness, columns, rows, EDGE_REACH);
  return nearness.map((value, index) => {
    if (high[index] - low[index] < EDGE_STEP) return value;
    return value - low[index] > high[index] - value ? high[index] : low[index];
  });
}

/** Cut at jumps in depth, and the foreground's rim is a line instead of stairs. */
function frontOf(grid, distances, covered) {
  const triangles = trianglesOf(grid, (a, b, c) => {
    const [d, e, f] = [distances[a], distances[b], distances[c]];
    return Math.max(d, e, f) < JUMP * Math.min(d, e, f);
  });
  return placed(grid, distances, triangles, smoothRim(grid, distances, covered, triangles));
}

/** Whole behind the foreground, and a cell farther: there it lies on what the photo shows. */
function backOf(grid, distances, hidden) {
  const wanted = highest(hidden, grid.columns, grid.rows, 1);
  const triangles = trianglesOf(grid, (a, b, c) => (
    (wanted[a] || wanted[b] || wanted[c]) && !Number.isNaN(distances[a] + distances[b] + distances[c])
  ));
  return placed(grid, distances, triangles, (index) => [index % grid.columns, Math.floor(index / grid.columns)]);
}

/** Two triangles a cell, as far as they are wanted. */
function trianglesOf({ columns, rows }, wanted) {
  const triangles = [];
  const add = (a, b, c) => { if (wanted(a, b, c)) triangles.push(a, b, c); };
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const a = row * columns + column;
      add(a, a + columns, a + 1);
      add(a + 1, a + columns, a + columns + 1);
    }
  }
  return triangles;
}

/**
 * Where a cell is drawn, in columns and rows: those of the foreground's rim between their neighbours
 * on it. The rim are cells that some of their triangles are missing of.
 */
function smoothRim({ columns, rows }, distances, covered, triangles) {
  const counts = new Uint8Array(distances.length);
  for (const index of triangles) counts[index]++;
  const isInside = (column, row) => column > 0 && row > 0 && column < columns - 1 && row < rows - 1;
  const rim = new Map();
  counts.forEach((count, index) => {
    const [column, row] = [index % columns, Math.floor(index / columns)];
    if (covered[index] && count && count < WHOLE && isInside(column, row)) rim.set(index, [column, row]);
  });
  for (let round = 0; round < RIM_ROUNDS; round++) {
    const before = new Map(rim);
    for (const [index, [x, y]] of before) {
      const beside = [-columns - 1, -columns, 1 - columns, -1, 1, columns - 1, columns, columns + 1]
        .filter((step) => isOne(distances, index, index + step))
        .map((step) => before.get(index + step)).filter(Boolean);
      if (beside.length < 2) continue;
      const mean = (axis) => beside.reduce((sum, place) => sum + place[axis], 0) / beside.length;
      rim.set(index, [(x + mean(0)) / 2, (y + mean(1)) / 2]);
    }
  }
  return (index) => rim.get(index) ?? [index % columns, Math.floor(index / columns)];
}

function isOne(distances, index, other) {
  const [one, two] = [distances[index], distances[other]];
  return Math.max(one, two) < JUMP * Math.min(one, two);
}

/** Positions in space and in the texture. */
function placed({ columns, rows, focal }, distances, triangles, placeOf) {
  const positions = new Float32Array(3 * distances.length);
  const uvs = new Float32Array(2 * distances.length);
  distances.forEach((distance, index) => {
    const [column, row] = placeOf(index);
    const ahead = Number.isNaN(distance) ? 0 : distance;
    positions[3 * index] = ((column - (columns - 1) / 2) / focal) * ahead;
    positions[3 * index + 1] = (-(row - (rows - 1) / 2) / focal) * ahead;
    positions[3 * index + 2] = -ahead;
    uvs[2 * index] = (column + 0.5) / columns;
    uvs[2 * index + 1] = 1 - (row + 0.5) / rows;
  });
  return { positions, uvs, triangles, distances };
}
