// Frames a second and latency of a live stream, steady enough to be read.

import { say } from "./strings.js";

const line = document.getElementById("live-figures");
const WEIGHT_OF_NEWEST = 0.2;
const MS_BETWEEN_WORDS = 500;

export class LiveFigures {
  #interval = null;
  #latency = null;
  #dropped = 0;
  #answeredAt = null;
  #saidAt = -Infinity;

  /** Count one answer. */
  add(latency, dropped) {
    const now = performance.now();
    this.#latency = smooth(this.#latency, latency);
    if (this.#answeredAt) this.#interval = smooth(this.#interval, now - this.#answeredAt);
    this.#answeredAt = now;
    this.#dropped = dropped;
    if (now - this.#saidAt > MS_BETWEEN_WORDS) this.say();
  }

  say() {
    if (!this.#interval) return;
    this.#saidAt = performance.now();
    const rate = (1000 / this.#interval).toFixed(1);
    const words = [say("liveFigures", { rate, latency: Math.round(this.#latency) })];
    if (this.#dropped) words.push(say("liveDropped", { dropped: this.#dropped }));
    line.textContent = words.join(" · ");
  }

  clear() {
    line.textContent = "";
  }
}

function smooth(before, now) {
  return before === null ? now : before + WEIGHT_OF_NEWEST * (now - before);
}
