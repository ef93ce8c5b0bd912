// One picture to share: the photo beside its heatmap, and what the colours mean.

import { colourAt, paint } from "./colormaps.js";
import { sayDistance } from "./metres.js";
import { say } from "./strings.js";

const MARGIN = 24;
const LEGEND = 56;
const RAMP = 14;

/** Photo, heatmap and legend as a PNG. */
export function pictureToShare(scene, colormap) {
  const { width, height } = scene;
  const heatmap = document.createElement("canvas");
  paint(heatmap, scene.nearness, width, height, colormap);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [2 * width + 3 * MARGIN, height + 2 * MARGIN + LEGEND];
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(scene.photo, MARGIN, MARGIN);
  context.drawImage(heatmap, width + 2 * MARGIN, MARGIN);
  drawLegend(context, scene, colormap, height + 2 * MARGIN);
  return new Promise((resolve) => canvas.toBlob(resolve));
}

/** The ramp under the heatmap, far to near, with words or distances at its ends. */
function drawLegend(context, scene, colormap, top) {
  const left = scene.width + 2 * MARGIN;
  for (let x = 0; x < scene.width; x++) {
    context.fillStyle = colourAt(colormap, x / (scene.width - 1 || 1));
    context.fillRect(left + x, top, 1, RAMP);
  }
  const [far, near] = [0, 1].map((nearness) => wordsAt(scene, nearness));
  context.fillStyle = "#1d1a22";
  context.font = "16px system-ui, sans-serif";
  context.textBaseline = "top";
  const most = scene.width / 2 - 8;
  context.fillText(far, left, top + RAMP + 6, most);
  context.textAlign = "right";
  context.fillText(near, left + scene.width, top + RAMP + 6, most);
}

function wordsAt(scene, nearness) {
  return scene.metres
    ? sayDistance(scene.metres.at(scene.levelOf(nearness))) : say(nearness ? "near" : "far");
}
