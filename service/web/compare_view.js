// The photo and its heatmap in one place, with a slider between them, and other networks' below.

import { paint } from "./colormaps.js";
import { copy } from "./depth_view.js";
import { NetworksView } from "./networks_view.js";

const frame = document.getElementById("compare");
const slider = frame.querySelector("input");

export class CompareView {
  #networks;

  constructor(run) {
    this.#networks = new NetworksView(run);
    slider.addEventListener("input", () => frame.style.setProperty("--split", `${slider.value}%`));
  }

  show(scene, colormap) {
    copy(scene.photo, frame.querySelector(".under"));
    paint(frame.querySelector(".over"), scene.nearness, scene.width, scene.height, colormap);
    this.#networks.show(scene, colormap);
  }

  hide() {}
}
