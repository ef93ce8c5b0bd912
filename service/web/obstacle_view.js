// The demo's robot alarm: how much of the view is near, and where.

import { sayDistance } from "./metres.js";
import { percent } from "./scene.js";
import { onLanguage, say } from "./strings.js";

const byId = (id) => document.getElementById(id);
const canvas = byId("obstacle").querySelector("canvas");
const [threshold, share, alarm, sectors] = ["threshold", "share", "alarm", "sectors"].map(byId);
const DANGER = [235, 30, 30];
const TINT = 0.45;
// Stripes show the zone on a red photo, and to people who do not see red.
const STRIPE = 14;
const STRIPE_TINT = 0.8;

/** Shares of near pixels: of the whole view, and of its left, centre and right thirds. */
export function nearShares({ nearness, width, height }, limit) {
  const near = [0, 0, 0];
  const all = [0, 0, 0];
  for (let x = 0; x < width; x++) {
    const third = Math.floor((3 * x) / width);
    all[third] += height;
    for (let y = 0; y < height; y++) if (nearness[y * width + x] >= limit) near[third]++;
  }
  const sum = (numbers) => numbers.reduce((one, other) => one + other);
  return { whole: sum(near) / sum(all), thirds: near.map((count, index) => count / (all[index] || 1)) };
}

export class ObstacleView {
  #scene = null;

  constructor() {
    for (const slider of [threshold, share]) slider.addEventListener("input", () => this.#draw());
    onLanguage(() => this.#say());
  }

  show(scene) {
    this.#scene = scene;
    this.#draw();
  }

  hide() {}

  #draw() {
    if (!this.#scene) return;
    const { photo, nearness, width, height } = this.#scene;
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext("2d");
    context.drawImage(photo, 0, 0);
    const limit = Number(threshold.value);
    const picture = context.getImageData(0, 0, width, height);
    for (let index = 0; index < nearness.length; index++) {
      if (nearness[index] < limit) continue;
      const diagonal = (index % width) + Math.floor(index / width);
      const tint = diagonal % STRIPE < STRIPE / 3 ? STRIPE_TINT : TINT;
      for (let channel = 0; channel < 3; channel++) {
        const at = 4 * index + channel;
        picture.data[at] += tint * (DANGER[channel] - picture.data[at]);
      }
    }
    context.putImageData(picture, 0, 0);
    this.#say();
  }

  #say() {
    const limit = Number(threshold.value);
    const metres = this.#scene?.metres;
    const distance = metres && sayDistance(metres.at(this.#scene.levelOf(limit)));
    byId("threshold-value").textContent = distance ?? limit.toFixed(2);
    byId("share-value").textContent = percent(share.value);
    byId("obstacle-hint").textContent = say(metres ? "obstacleHintMetres" : "obstacleHint");
    if (!this.#scene) return;
    const { whole, thirds } = nearShares(this.#scene, limit);
    const danger = whole > Number(share.value);
    const key = (danger ? "alarm" : "clear") + (metres ? "Metres" : "");
    alarm.textContent = say(key, { share: percent(whole), distance });
    alarm.classList.toggle("danger", danger);
    const [left, centre, right] = thirds.map(percent);
    sectors.textContent = say("sectors", { left, centre, right });
  }
}
