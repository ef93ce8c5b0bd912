// Spots of known distance, tapped and typed, or of things of known size: from then on everything is
// in metres.

import { Calibrations } from "./calibrations.js";
import { Problem } from "./client.js";
import { keepFocus } from "./focus.js";
import { THINGS, anchorOfThing, findCamera } from "./known_thing.js";
import { anchorsQuery, between, fitMetres, sayDistance } from "./metres.js";
import { followTaps, place } from "./pointer.js";
import { onLanguage, say } from "./strings.js";

const byId = (id) => document.getElementById(id);
const [form, input, thingForm, thing, text, list, ruler, actions, code, note] = [
  "distance-form", "distance", "thing-form", "thing", "measure-text", "anchors", "ruler",
  "measure-actions", "anchors-text", "thing-note",
].map(byId);

export class MeasureView {
  #frames;
  #run;
  #changed;
  #scene = null;
  #tapped;
  #anchors = [];
  #taps = [];
  #kept = new Calibrations();
  // The file that was measured last, and its spots: where things are, whatever network looks.
  #spots = { file: null, anchors: [] };

  /**
   * Listens for taps on `frames`; `read` tells the point that the keys have moved to. `run` does
   * work and says how it goes; `changed` is told when the scene's metres did.
   */
  constructor(frames, read, run, changed) {
    [this.#frames, this.#run, this.#changed] = [frames, run, changed];
    [this.#tapped] = frames;
    for (const frame of frames) followTaps(frame, read, (point) => this.#tap(point, frame));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add({ point: this.#taps.at(-1), metres: input.valueAsNumber });
    });
    thing.append(...Object.keys(THINGS).map((name) => new Option("", name)));
    thingForm.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#lay(THINGS[thing.value]);
    });
    byId("copy-anchors").addEventListener("click", () => copyText(code));
    byId("reset-metres").addEventListener("click", () => this.#reset());
    onLanguage(() => this.#say());
  }

  /** Another photo: what was measured before serves it too, if the same network made its depth. */
  show(scene) {
    if (scene === this.#scene) return;
    [this.#scene, this.#anchors, this.#taps] = [scene, scene ? this.#kept.anchorsOf(scene) : [], []];
    if (scene) scene.metres ??= this.#kept.metresOf(scene);
    this.#say();
    const { file, anchors } = this.#spots;
    const again = scene?.file === file && anchors.length && !this.#anchors.length;
    if (again && scene.kind !== "metric_depth") this.#measure(anchors);
  }

  /** What turns another picture of a network into metres, as `Calibrations.borrowed()`. */
  borrowed(model) {
    return this.#kept.borrowed(model);
  }

  #tap(point, frame) {
    if (!this.#scene) return;
    this.#tapped = frame;
    this.#taps = [...this.#taps.slice(-1), point];
    this.#say();
  }

  #add(anchor) {
    input.value = "";
    this.#measure([...this.#anchors, anchor]);
  }

  /** A thing of known length lies from one tap to the other. */
  #lay(length) {
    const [scene, ends] = [this.#scene, this.#taps];
    this.#run(async (options) => {
      await findCamera(scene, options);
      const anchor = anchorOfThing(scene, ends, length);
      if (!anchor) throw new Problem("thing");
      return this.#fit(scene, [...this.#kept.anchorsOf(scene), anchor], options);
    });
  }

  #reset() {
    this.#kept.clear();
    this.#measure([]);
  }

  /** Two or more anchors make metres; with fewer there are none. */
  #measure(anchors) {
    const scene = this.#scene;
    if (anchors.length < 2) this.#take(scene, anchors, null);
    else this.#run((options) => this.#fit(scene, anchors, options));
  }

  /** Returns the words for how far that has got; none if the spots are others by then. */
  async #fit(scene, anchors, options) {
    this.#take(scene, anchors, null);
    if (anchors.length < 2) return "measuredOne";
    const calibration = await fitMetres(scene, anchors, options).catch((problem) => {
      throw problem.type === "invalid-parameter" ? new Problem("contradiction") : problem;
    });
    if (this.#kept.anchorsOf(scene) !== anchors) return null;
    const { kind, model } = scene;
    this.#take(scene, anchors, { kind, model, calibration, query: anchorsQuery(anchors) });
    return "measured";
  }

  /** Keep anchors and their fit, of a scene that may be another than the shown one by now. */
  #take(scene, anchors, fit) {
    this.#kept.note(scene, anchors, fit);
    this.#spots = { file: scene.file, anchors };
    scene.metres = fit && this.#kept.metresOf(scene);
    if (scene !== this.#scene) return;
    [this.#anchors, this.#taps] = [anchors, []];
    this.#changed();
    this.#say();
  }

  /** A form that is done with goes, and with it the focus, to where the next spot is. */
  #say() {
    keepFocus(form.parentElement, () => this.#renew(), () => this.#tapped);
  }

  #renew() {
    const scene = this.#scene;
    const metric = scene?.kind === "metric_depth";
    text.textContent = say(this.#step());
    form.hidden = metric || !this.#taps.length;
    thingForm.hidden = metric || this.#taps.length < 2;
    for (const option of thing.options) option.textContent = say(`thing.${option.value}`);
    ruler.textContent = scene?.metres && this.#taps.length === 2
      ? say("ruler", { distance: sayDistance(between(scene, ...this.#taps)) }) : "";
    code.textContent = Object.entries(anchorsQuery(this.#anchors)).map((pair) => pair.join("=")).join("&");
    code.hidden = byId("copy-anchors").hidden = this.#anchors.length < 2;
    actions.hidden = metric || !(this.#anchors.length || scene?.metres);
    note.textContent = this.#anchors.some(({ assumed }) => assumed) ? say("thingAssumed") : "";
    list.replaceChildren(...this.#anchors.map((anchor) => this.#line(anchor)));
    this.#mark();
  }

  #step() {
    if (this.#scene?.kind === "metric_depth") return "measureMetric";
    if (this.#anchors.length === 1) return "measureSecond";
    if (!this.#scene?.metres) return "measureFirst";
    return this.#anchors.length ? "measureRuler" : "measureBorrowed";
  }

  #line(anchor) {
    const [line, button] = ["li", "button"].map((name) => document.createElement(name));
    const values = { number: this.#anchors.indexOf(anchor) + 1, distance: saidOf(anchor) };
    Object.assign(button, { type: "button", className: "button", textContent: say("anchor", values) });
    button.setAttribute("aria-label", say("removeAnchor", values));
    button.addEventListener("click", () => {
      this.#measure(this.#anchors.filter((other) => other !== anchor));
    });
    line.append(button);
    return line;
  }

  /** Numbers where distances are known, letters where the ruler ends. */
  #mark() {
    const spots = [
      ...this.#anchors.map(({ point }, index) => [point, index + 1]),
      ...this.#taps.map((point, index) => [point, "AB"[index]]),
    ];
    for (const frame of this.#frames) {
      frame.querySelectorAll(".spot").forEach((spot) => spot.remove());
      frame.append(...spots.map(([point, name]) => spotAt(point, name)));
    }
  }
}

/** A distance as it was typed, or as a thing of known size has told it, with its error. */
function saidOf({ metres, error }) {
  if (!error) return say("distanceTyped", { metres });
  return sayDistance({ metres, low: metres * (1 - 2 * error), high: metres * (1 + 2 * error) });
}

function spotAt(point, name) {
  const spot = document.createElement("span");
  Object.assign(spot, { className: "spot", textContent: name, ariaHidden: true });
  place(spot, point);
  return spot;
}

/** Copy an element's text; where the browser does not let a page, select it. */
async function copyText(element) {
  getSelection().selectAllChildren(element);
  await navigator.clipboard?.writeText(element.textContent).catch(() => {});
}
