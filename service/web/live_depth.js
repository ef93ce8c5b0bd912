// A stream's depth in metres: painted as a heatmap, and read at one point.

import { paint } from "./colormaps.js";
import { nearnessOf } from "./depth_map.js";
import { sayDistance } from "./metres.js";
import { followKeys, followPointer, place } from "./pointer.js";
import { say } from "./strings.js";

const frame = document.getElementById("live-frame");
const marker = frame.querySelector(".marker");
const line = document.getElementById("live-reading");
const WEIGHT_OF_NEWEST = 0.15;
const MS_BETWEEN_WORDS = 400;

export class LiveDepth {
  #colormap;
  #metres;
  #canvas = document.createElement("canvas");
  #map = null;
  // The nearest and the farthest, as 1 / metres; steady, so that the colours are.
  #ends = null;
  #point = [0.5, 0.5];
  #saidAt = -Infinity;
  #closing = new AbortController();

  /** `metres` are the Metres of the stream's numbers. */
  constructor(colormap, metres) {
    [this.#colormap, this.#metres] = [colormap, metres];
    const move = (point) => {
      this.#point = point;
      this.#saidAt = -Infinity;
      this.read();
    };
    const options = { signal: this.#closing.signal };
    followPointer(frame, move, options);
    followKeys(frame, () => this.#point, move, options);
    frame.tabIndex = 0;
    frame.setAttribute("role", "application");
    frame.setAttribute("aria-label", say("liveHeatmap"));
  }

  /** A canvas with the heatmap of a frame: metres as float32 rows. */
  paint(buffer, { width, height }) {
    this.#map = { values: new Float32Array(buffer), width, height };
    const { nearness, low, high } = nearnessOf(this.#map.values, "metric_depth");
    this.#ends = this.#ends
      ? [low, high].map((end, index) => this.#ends[index] + WEIGHT_OF_NEWEST * (end - this.#ends[index]))
      : [low, high];
    const [far, near] = this.#ends;
    const scale = near > far ? 1 / (near - far) : 0;
    const steady = nearness.map((share) => (
      Math.min(Math.max((low + share * (high - low) - far) * scale, 0), 1)
    ));
    paint(this.#canvas, steady, width, height, this.#colormap);
    return this.#canvas;
  }

  /** Say how far the point is, not oftener than it can be read. */
  read() {
    if (!this.#map || performance.now() - this.#saidAt < MS_BETWEEN_WORDS) return;
    this.#saidAt = performance.now();
    const { values, width, height } = this.#map;
    const [column, row] = this.#point.map((share, axis) => {
      const side = [width, height][axis];
      return Math.min(Math.floor(share * side), side - 1);
    });
    const metres = values[row * width + column];
    // No reading there.
    if (Number.isNaN(metres)) return;
    const distance = sayDistance(this.#metres.of(metres));
    place(marker, this.#point);
    marker.hidden = false;
    marker.dataset.number = distance;
    line.textContent = say("liveHere", { distance });
  }

  close() {
    this.#closing.abort();
    for (const name of ["tabindex", "role", "aria-label"]) frame.removeAttribute(name);
    marker.hidden = true;
    line.textContent = "";
  }
}
