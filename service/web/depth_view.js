// The first tab: the photo on the left, its heatmap on the right, and what a point of them reads.

import { NAMES, colourAt, paint, table } from "./colormaps.js";
import { drawHistogram } from "./histogram.js";
import { MeasureView } from "./measure_view.js";
import { sayDistance } from "./metres.js";
import { followKeys, followPointer, place } from "./pointer.js";
import { zoneOf } from "./scene.js";
import { ofBrowser } from "./storage.js";
import { say } from "./strings.js";

const byId = (id) => document.getElementById(id);
const frames = [...document.querySelectorAll("#panel-depth .pair .frame")];
const [photo, heatmap, ramp, legend, choice, reading] =
  ["photo", "heatmap", "ramp", "legend", "colormap", "reading"].map(byId);
const COLORMAP = "colormap";
// What a zone is called, its colours from and to, and the nearness where its distance is told.
const ZONES = [["Near", 0.7, 1, 2 / 3], ["Middle", 0.35, 0.65, 1 / 2], ["Far", 0, 0.3, 1 / 3]];

export class DepthView {
  #scene = null;
  #point = null;
  #measure;

  /** `run` does work and says how it goes. */
  constructor(run) {
    const at = () => this.#point ?? [0.5, 0.5];
    const kept = ofBrowser.get(COLORMAP);
    NAMES.forEach((name) => choice.append(new Option(name, name, false, name === kept)));
    choice.addEventListener("change", () => {
      ofBrowser.set(COLORMAP, choice.value);
      this.#paint();
    });
    for (const frame of frames) {
      const move = (point) => this.#read(point);
      followPointer(frame, move);
      followKeys(frame, at, move);
    }
    this.#measure = new MeasureView(frames, at, run, () => this.say());
    this.say();
  }

  get colormap() {
    return choice.value;
  }

  /** What turns another picture of a network into metres; null where nothing was measured. */
  borrowed(model) {
    return this.#measure.borrowed(model);
  }

  /** Show the photo alone, while its depth is being computed. */
  expect(canvas) {
    this.#scene = this.#point = null;
    this.#measure.show(null);
    photo.hidden = !canvas;
    if (canvas) copy(canvas, photo);
    heatmap.hidden = true;
    frames.forEach((frame, index) => this.#fill(frame, index === 0 && Boolean(canvas)));
    reading.textContent = "";
  }

  show(scene) {
    this.#scene = scene;
    copy(scene.photo, photo);
    photo.hidden = heatmap.hidden = false;
    frames.forEach((frame) => this.#fill(frame, true));
    this.#measure.show(scene);
    this.#paint();
  }

  hide() {}

  /** Say everything again, after a change of language or colours. */
  say() {
    const colours = table(choice.value);
    const context = ramp.getContext("2d");
    const picture = context.createImageData(256, 1);
    for (let index = 0; index < 256; index++) {
      picture.data.set([...colours.subarray(3 * index, 3 * index + 3), 255], 4 * index);
    }
    context.putImageData(picture, 0, 0);
    byId("relative").textContent = say(this.#scene?.metres ? "relativeMetres" : "relative");
    legend.replaceChildren(...ZONES.map((zone) => this.#legendLine(...zone)));
    if (!this.#scene) return;
    drawHistogram(this.#scene, choice.value);
    if (this.#point) this.#read(this.#point);
  }

  #legendLine(zone, from, to, told) {
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.setProperty("--from", colourAt(choice.value, from));
    swatch.style.setProperty("--to", colourAt(choice.value, to));
    const named = choice.value === "inferno" ? ` (${say(`inferno${zone}`)})` : "";
    const line = document.createElement("li");
    const scene = this.#scene;
    const distance = scene?.metres && sayDistance(scene.metres.at(scene.levelOf(told)));
    const words = distance ? say(`legend${zone}Metres`, { distance }) : say(`legend${zone}`);
    line.append(swatch, `${words}${named}`);
    return line;
  }

  #fill(frame, full) {
    frame.classList.toggle("full", full);
    frame.querySelector(".empty").hidden = full;
    frame.querySelector(".marker").hidden = true;
    if (full) frame.tabIndex = 0;
    else frame.removeAttribute("tabindex");
  }

  #paint() {
    const scene = this.#scene;
    if (scene) paint(heatmap, scene.nearness, scene.width, scene.height, choice.value);
    this.say();
  }

  #read(point) {
    if (!this.#scene) return;
    this.#point = point;
    const value = this.#scene.nearnessAt(...point);
    const { metres } = this.#scene;
    const number = metres ? sayDistance(metres.at(this.#scene.levelOf(value))) : value.toFixed(2);
    for (const frame of frames) {
      const marker = frame.querySelector(".marker");
      marker.hidden = false;
      place(marker, point);
      mark(marker, point, number);
    }
    reading.style.setProperty("--colour", colourAt(choice.value, value));
    const [x, y] = point.map((share) => share.toFixed(3));
    const words = { value: number, zone: say(zoneOf(value)), x, y };
    reading.textContent = say(metres ? "readingMetres" : "reading", words);
  }
}

/** Write the number at the marker: the line with the words may be below the window's edge. */
function mark(marker, [x, y], number) {
  marker.dataset.number = number;
  marker.classList.toggle("below", y < 0.2);
  marker.style.setProperty("--slide", `${-100 * x}%`);
}

/** Draw one canvas on another of its size. */
export function copy(from, to) {
  to.width = from.width;
  to.height = from.height;
  to.getContext("2d").drawImage(from, 0, 0);
}
