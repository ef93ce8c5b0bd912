// From a depth map's values to metres, by the service's fit; no number without its error.

import { bytesOf, post } from "./client.js";
import { FARTHEST, towardsViewer, writeNpy } from "./depth_map.js";
import { say } from "./strings.js";

// Lenses from a short tele to an ultra-wide one, in degrees, where the photo does not say which.
const FIELDS_OF_VIEW = [45, 80];
// The service's own: how exactly a distance is known that somebody typed.
const TYPED_ERROR = 0.05;

/** What turns the values of one photo's depth map into metres. */
export class Metres {
  #kind;
  #fit;
  #borrowed;

  /**
   * `fit` is the service's `calibration`; there is none for a network that gives metres. `query`
   * asks the service for these metres. `borrowed`: the points are of another photo.
   */
  constructor(kind, fit = null, query = {}, borrowed = false) {
    this.#kind = kind;
    this.#fit = fit;
    this.#borrowed = borrowed;
    this.query = query;
  }

  /** The distance at a level of `Scene.levelAt()`; `low` and `high` are null where unknown. */
  at(level) {
    if (!this.#fit) return { metres: Math.min(1 / level, FARTHEST), low: null, high: null };
    const { intercept, slope, bars } = this.#fit;
    const line = intercept + slope * level;
    const half = Math.hypot(bars.half_width, bars.growth * (level - bars.centre));
    const [metres, low, high] = [line, line + half, line - half].map((end) => this.#of(end));
    return { metres, low, high, borrowed: this.#borrowed };
  }

  /** As `at()`, of a distance that this has given. */
  of(metres) {
    if (!this.#fit) return { metres, low: null, high: null };
    const line = this.#kind === "relative_depth" ? -metres : 1 / metres;
    return this.at((line - this.#fit.intercept) / this.#fit.slope);
  }

  /** Values of a depth map as the service writes them in metres: beyond reach is infinity. */
  map(values) {
    if (!this.#fit) return values;
    const { intercept, slope } = this.#fit;
    return towardsViewer(values, this.#kind).map((level) => {
      const metres = this.#of(intercept + slope * level);
      if (metres >= FARTHEST) return Infinity;
      return metres > 0 ? metres : NaN;
    });
  }

  #of(line) {
    const metres = this.#kind === "relative_depth" ? Math.max(-line, 0) : 1 / Math.max(line, 1e-6);
    return Math.min(metres, FARTHEST);
  }
}

/** How far apart two spots, pairs of shares, are in space: as `Metres.at()` says it. */
export function between(scene, one, other) {
  const { fov } = scene.camera;
  const [near, far] = [one, other].map((spot) => scene.metres.at(scene.levelAt(...spot)));
  const apart = (depth, otherDepth, field) => {
    const focal = scene.focalOf(field);
    const side = (axis, size) => (
      ((one[axis] - 0.5) * depth - (other[axis] - 0.5) * otherDepth) * (size / focal)
    );
    return Math.hypot(side(0, scene.width), side(1, scene.height), depth - otherDepth);
  };
  const metres = apart(near.metres, far.metres, fov);
  if (near.low === null || far.low === null) return { metres, low: null, high: null };
  const ends = (spot) => [spot.low, spot.metres, spot.high];
  const all = ends(near).flatMap((depth) => ends(far).flatMap((otherDepth) => (
    [fov, ...(scene.camera.known ? [] : FIELDS_OF_VIEW)].map((field) => apart(depth, otherDepth, field))
  )));
  return { metres, low: Math.min(...all), high: Math.max(...all), borrowed: near.borrowed };
}

/** "about 1.9 m (1.6 to 2.3 m)". */
export function sayDistance({ metres, low, high, borrowed }) {
  const words = { metres: rounded(metres), low: rounded(low), high: rounded(high) };
  if (low === null) return say("distanceAlone", words);
  if (metres >= FARTHEST) return say("distanceBeyond", words);
  if (high >= FARTHEST) return say("distanceOpen", words);
  return say(borrowed ? "distanceBorrowed" : "distance", words);
}

function rounded(metres) {
  if (metres >= 10) return Math.round(metres);
  return metres?.toFixed(metres < 1 ? 2 : 1);
}

/** Anchors, {point, metres, error}, as parameters of the API. */
export function anchorsQuery(anchors) {
  const spots = anchors.map(({ point, metres }) => (
    [...point.map((share) => share.toFixed(4)), Number(metres.toFixed(6))].join(",")
  ));
  const error = Math.max(TYPED_ERROR, ...anchors.map((anchor) => anchor.error ?? 0));
  return {
    anchors: spots.join(";"), ...(error > TYPED_ERROR && { measuring_error: error.toFixed(3) }),
  };
}

/** The service's fit of a scene by anchors; it gets the page's own depth map, and no photo. */
export async function fitMetres(scene, anchors, options) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [scene.map.width, scene.map.height];
  const blank = await new Promise((resolve) => canvas.toBlob(resolve));
  const query = { ...anchorsQuery(anchors), depth_kind: scene.kind, model: scene.model };
  const depth = { depth: writeNpy(scene.map) };
  const answer = await post("v1/effects/obstacle", blank, query, { ...options, parts: depth });
  return (await bytesOf(answer, "json")).calibration;
}
