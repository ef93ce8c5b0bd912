// The photo and its heatmap in one place, with a slider between them.

import { paint } from "./colormaps.js";
import { copy } from "./depth_view.js";

const frame = document.getElementById("compare");
const slider = frame.querySelector("input");

export class CompareView {
  constructor() {
    slider.addEventListener("input", () => frame.style.setProperty("--split", `${slider.value}%`));
  }

  show(scene, colormap) {
    copy(scene.photo, frame.querySelector(".under"));
    paint(frame.querySelector(".over"), scene.nearness, scene.width, scene.height, colormap);
  }

  hide() {}
}
