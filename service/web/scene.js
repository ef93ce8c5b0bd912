// One photo with its depth: what every view of the page draws.

import { nearnessOf } from "./depth_map.js";
import { enlarged } from "./enlarging.js";
import { FIELD_OF_VIEW } from "./geometry.js";
import { Metres } from "./metres.js";

export class Scene {
  /** What tells metres; null where only nearness is known. */
  metres = null;
  /** Field of view across the longer side in degrees, and whether the photo tells it. */
  camera = { fov: FIELD_OF_VIEW, known: false, asked: false };
  #low;
  #high;

  /**
   * `photo` is what readPhoto() gives: null when the browser cannot decode the file. `asked` are the
   * parameters that its depth was asked for with, `key` is what the session knows it by.
   */
  constructor(file, photo, map, kind, model, asked = {}, key = newKey()) {
    this.key = key;
    this.file = file;
    this.kind = kind;
    this.model = model;
    this.asked = asked;
    this.width = photo?.canvas.width ?? 2 * map.width;
    this.height = photo?.canvas.height ?? 2 * map.height;
    this.photo = photo?.canvas ?? blank(this.width, this.height);
    /** The file's own size in pixels; null where only the service can tell. */
    this.size = photo && [photo.width, photo.height];
    this.map = map;
    const { values } = enlarged(map, kind, this.width, this.height);
    const { nearness, low, high } = nearnessOf(values, kind);
    [this.nearness, this.#low, this.#high] = [nearness, low, high];
    if (kind === "metric_depth") this.metres = new Metres(kind);
  }

  /** The depth map's value, growing towards the viewer, that has become this nearness. */
  levelOf(nearness) {
    return this.#low + nearness * (this.#high - this.#low);
  }

  /** What the service calls this nearness: metres where there are some, else the map's own value. */
  valueOf(nearness) {
    const level = this.levelOf(nearness);
    if (this.metres) return this.metres.at(level).metres;
    return this.kind === "relative_depth" ? -level : level;
  }

  /** `levelOf()` at a point, given as shares. */
  levelAt(x, y) {
    return this.levelOf(this.nearnessAt(x, y));
  }

  /** Parameters that ask the service for an effect by this scene's network, in its metres. */
  get query() {
    return { model: this.model, ...this.metres?.query };
  }

  /** The camera's focal length in pixels of this scene. */
  get focal() {
    return this.focalOf(this.camera.fov);
  }

  /** The same of a camera with another field of view, in degrees. */
  focalOf(fov) {
    return Math.max(this.width, this.height) / 2 / Math.tan((fov * Math.PI) / 360);
  }

  /** Nearness at a point given as shares 0..1 of the width and height. */
  nearnessAt(x, y) {
    const column = Math.min(Math.floor(x * this.width), this.width - 1);
    const row = Math.min(Math.floor(y * this.height), this.height - 1);
    return this.nearness[row * this.width + column];
  }

  /** The file's name without its ending, for downloads. */
  get stem() {
    return (this.file.name || "photo").replace(/\.[^.]*$/, "") || "photo";
  }
}

let lastKey = 0;

/** Milliseconds since 1970; of two in one, the second is later. */
function newKey() {
  lastKey = Math.max(lastKey + 1, Date.now());
  return lastKey;
}

function blank(width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.fillStyle = "#808080";
  context.fillRect(0, 0, width, height);
  return canvas;
}

/** "near", "middle" or "far". */
export function zoneOf(nearness) {
  if (nearness > 2 / 3) return "near";
  return nearness > 1 / 3 ? "middle" : "far";
}

/** A number 0..1 as a percentage. */
export function percent(share) {
  return `${Math.round(100 * share)}%`;
}
