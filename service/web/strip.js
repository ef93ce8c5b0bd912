// Several photos of one drop: a row of their results, each of which opens in all tabs.

import { paint } from "./colormaps.js";
import { ofTab } from "./storage.js";
import { onLanguage, say } from "./strings.js";

const row = document.getElementById("strip");
const KEPT = "strip";
const [WIDTH, HEIGHT] = [96, 72];

export class Strip {
  #open;
  #again;
  // {name, key, picture, problem}: the last three once they are there.
  #entries = ofTab.json(KEPT) ?? [];
  // The entries of files that came last, until the first of their photos has come.
  #coming = [];
  #shown = null;
  #buttons = new WeakMap();

  /**
   * `open` is told the Scene.key of a result that somebody chooses, `again` the entry of one that
   * did not come, though it may.
   */
  constructor(open, again) {
    [this.#open, this.#again] = [open, again];
    onLanguage(() => this.#say());
  }

  /** Another set of files, whose row there is once a photo of them has come. Returns their entries. */
  start(files) {
    const entries = (this.#coming = files.map(({ name }) => ({ name })));
    if (!this.#entries.length) this.#take();
    return entries;
  }

  /** An entry's result is on its way. */
  expect(entry) {
    entry.problem = null;
    this.#keep();
  }

  /** An entry's result is there. */
  fill(entry, scene, colormap) {
    if (this.#coming.includes(entry)) this.#take();
    if (!this.#entries.includes(entry)) return;
    Object.assign(entry, { key: scene.key, picture: pictureOf(scene, colormap) });
    this.#keep();
  }

  /** An entry has no result; `problem` is a stable word for why. */
  fail(entry, problem) {
    if (!entry) return;
    entry.problem = problem;
    this.#keep();
  }

  /** Of these, what is not there yet does not come. */
  leave(entries) {
    entries.filter(({ key, problem }) => !key && !problem).forEach((entry) => this.fail(entry, "left"));
  }

  /** Which result is shown. */
  mark(key) {
    this.#shown = key;
    this.#say();
  }

  /** The row is that of the files which came last; one alone needs none. */
  #take() {
    this.#entries = this.#coming.length > 1 ? this.#coming : [];
    this.#coming = [];
    this.#keep();
  }

  #keep() {
    const done = this.#entries.filter(({ key }) => key);
    ofTab.set(KEPT, done.length ? JSON.stringify(done) : null);
    this.#say();
  }

  #say() {
    row.hidden = !this.#entries.length;
    const buttons = this.#entries.map((entry) => this.#button(entry));
    // Others would lose what is pressed, focused, or scrolled to.
    if (buttons.some((button, index) => button !== row.children[index]) || row.children[buttons.length]) {
      row.replaceChildren(...buttons);
    }
  }

  #button(entry) {
    const { name, key, picture, problem } = entry;
    if (!this.#buttons.has(entry)) this.#buttons.set(entry, this.#newButton(entry));
    const button = this.#buttons.get(entry);
    const state = stateOf(problem);
    const words = key ? name : `${name}: ${say(state)}`;
    Object.assign(button, { title: words, disabled: !key && state !== "stripAgain" });
    button.setAttribute("aria-label", words);
    button.setAttribute("aria-pressed", key !== undefined && key === this.#shown);
    if (!key) button.textContent = say(state);
    else if (!button.querySelector("img")) {
      button.replaceChildren(Object.assign(document.createElement("img"), { src: picture, alt: "" }));
    }
    return button;
  }

  #newButton(entry) {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    button.addEventListener("click", () => (entry.key ? this.#open(entry.key) : this.#again(entry)));
    return button;
  }
}

// What is wrong with the photo itself stays so; anything else may pass.
const OF_PHOTO = new Set([
  "empty", "unreadable", "unsupported-media-type", "undecodable-image", "payload-too-large",
]);

function stateOf(problem) {
  if (!problem) return "stripBusy";
  return OF_PHOTO.has(problem) ? "stripFailed" : "stripAgain";
}

/** Half photo, half heatmap, as a data URL: the row is there again after a reload. */
function pictureOf(scene, colormap) {
  const heatmap = document.createElement("canvas");
  paint(heatmap, scene.nearness, scene.width, scene.height, colormap);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const context = canvas.getContext("2d");
  const scale = Math.max(WIDTH / scene.width, HEIGHT / scene.height);
  const [width, height] = [WIDTH / scale, HEIGHT / scale];
  const [left, top] = [(scene.width - width) / 2, (scene.height - height) / 2];
  [scene.photo, heatmap].forEach((half, index) => {
    context.drawImage(
      half, left + (index * width) / 2, top, width / 2, height,
      (index * WIDTH) / 2, 0, WIDTH / 2, HEIGHT,
    );
  });
  return canvas.toDataURL("image/jpeg", 0.85);
}
