// Spots of known distance, tapped and typed: from then on everything is in metres.

import { Problem } from "./client.js";
import { Metres, anchorsText, between, fitMetres, sayDistance } from "./metres.js";
import { followTaps, place } from "./pointer.js";
import { onLanguage, say } from "./strings.js";

const byId = (id) => document.getElementById(id);
const [form, input, text, list, ruler, actions, code] = [
  "distance-form", "distance", "measure-text", "anchors", "ruler", "measure-actions", "anchors-text",
].map(byId);

export class MeasureView {
  #frames;
  #run;
  #changed;
  #scene = null;
  #anchors = [];
  #taps = [];
  // The last fit: of which scene's spots, and what it says.
  #fit = null;

  /**
   * Listens for taps on `frames`; `read` tells the point that the keys have moved to. `run` does
   * work and says how it goes; `changed` is told when the scene's metres did.
   */
  constructor(frames, read, run, changed) {
    [this.#frames, this.#run, this.#changed] = [frames, run, changed];
    for (const frame of frames) followTaps(frame, read, (point) => this.#tap(point));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add({ point: this.#taps.at(-1), metres: input.valueAsNumber });
    });
    byId("copy-anchors").addEventListener("click", () => copyText(code));
    byId("reset-metres").addEventListener("click", () => this.#reset());
    onLanguage(() => this.#say());
  }

  /** Another photo: what was measured before serves it too, if the same network made its depth. */
  show(scene) {
    if (scene === this.#scene) return;
    const fit = this.#fit;
    [this.#scene, this.#anchors, this.#taps] = [scene, fit?.scene === scene ? fit.anchors : [], []];
    if (scene && fit && fit.scene !== scene && fit.scene.model === scene.model) {
      const { intercept, slope } = fit.calibration;
      const query = { calibration: `${intercept},${slope}` };
      scene.metres = new Metres(scene.kind, fit.calibration, query, true);
    }
    this.#say();
  }

  #tap(point) {
    if (!this.#scene) return;
    this.#taps = [...this.#taps.slice(-1), point];
    this.#say();
  }

  #add(anchor) {
    input.value = "";
    this.#measure([...this.#anchors, anchor]);
  }

  #reset() {
    this.#fit = null;
    this.#measure([]);
  }

  /** Two or more anchors make metres; with fewer there are none. */
  #measure(anchors) {
    const scene = this.#scene;
    [this.#anchors, this.#taps] = [anchors, []];
    if (anchors.length < 2) {
      this.#take(scene, null);
      return;
    }
    this.#say();
    this.#run(async () => {
      const calibration = await fitMetres(scene, anchors).catch((problem) => {
        if (problem.type !== "invalid-parameter") throw problem;
        this.#take(scene, null);
        throw new Problem("contradiction");
      });
      this.#fit = { scene, anchors, calibration };
      this.#take(scene, new Metres(scene.kind, calibration, { anchors: anchorsText(anchors) }));
      return "measured";
    });
  }

  #take(scene, metres) {
    scene.metres = metres;
    this.#changed();
    this.#say();
  }

  #say() {
    const scene = this.#scene;
    const metric = scene?.kind === "metric_depth";
    text.textContent = say(this.#step());
    form.hidden = metric || !this.#taps.length;
    ruler.textContent = scene?.metres && this.#taps.length === 2
      ? say("ruler", { distance: sayDistance(between(scene, ...this.#taps)) }) : "";
    code.textContent = `anchors=${anchorsText(this.#anchors)}`;
    code.hidden = byId("copy-anchors").hidden = this.#anchors.length < 2;
    actions.hidden = metric || !(this.#anchors.length || scene?.metres);
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
    const values = { number: this.#anchors.indexOf(anchor) + 1, metres: anchor.metres };
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
