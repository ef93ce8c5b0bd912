// How much of the photo is how near.

import { colourAt } from "./colormaps.js";
import { sayDistance } from "./metres.js";
import { percent } from "./scene.js";
import { say } from "./strings.js";

const BINS = 64;
const canvas = document.getElementById("histogram");
const text = document.getElementById("histogram-text");

/** Shares of the photo in equal steps of nearness, far to near. */
export function histogram(nearness, bins = BINS) {
  const counts = new Float64Array(bins);
  for (const value of nearness) counts[Math.min(Math.floor(value * bins), bins - 1)]++;
  return counts.map((count) => count / nearness.length);
}

export function drawHistogram(scene, colormap) {
  const { nearness, metres } = scene;
  const shares = histogram(nearness);
  const tallest = Math.max(...shares);
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  const step = width / BINS;
  context.clearRect(0, 0, width, height);
  // A rim keeps the darkest and the brightest bars apart from the card behind them.
  context.strokeStyle = "#8888";
  shares.forEach((share, bin) => {
    const bar = (share / tallest) * (height - 2);
    context.fillStyle = colourAt(colormap, (bin + 0.5) / BINS);
    context.fillRect(bin * step, height - bar, step - 1, bar);
    if (bar > 1) context.strokeRect(bin * step + 0.5, height - bar + 0.5, step - 2, bar);
  });
  const [far, middle, near] = histogram(nearness, 3);
  const [nearEnd, farEnd] = [2 / 3, 1 / 3].map((end) => metres && sayDistance(metres.at(scene.levelOf(end))));
  const words = say(metres ? "histogramMetres" : "histogramText", {
    near: percent(near), middle: percent(middle), far: percent(far), nearEnd, farEnd,
  });
  text.textContent = words;
  canvas.setAttribute("aria-label", `${say("histogram")}: ${words}`);
}
