// What was measured in this session: the spots of each photo, and the last fit for what comes next.

import { Metres } from "./metres.js";
import { ofTab } from "./storage.js";

const KEPT = "calibrations";

export class Calibrations {
  // By Scene.key: {anchors, fit}; a fit is {model, kind, calibration, query}.
  #photos = {};
  #last = null;

  constructor() {
    const { photos = {}, last = null } = ofTab.json(KEPT) ?? {};
    [this.#photos, this.#last] = [photos, last];
  }

  /** The spots of a photo, as they were left. */
  anchorsOf(scene) {
    return this.#photos[scene.key]?.anchors ?? [];
  }

  /** The photo's own metres, else those of the last photo, if the same network made its depth. */
  metresOf(scene) {
    const own = this.#photos[scene.key]?.fit;
    if (own) return new Metres(own.kind, own.calibration, own.query);
    return this.borrowed(scene.model);
  }

  /** The last photo's metres for another picture of a network; any network's if none is named. */
  borrowed(model) {
    const fit = this.#photos[this.#last]?.fit;
    if (!fit || (model && model !== fit.model)) return null;
    const { intercept, slope } = fit.calibration;
    const query = { calibration: `${intercept},${slope}`, model: fit.model };
    return new Metres(fit.kind, fit.calibration, query, true);
  }

  /** Keep what was measured; without a `fit` there are no metres. */
  note(scene, anchors, fit = null) {
    this.#photos[scene.key] = { anchors, fit };
    if (fit) this.#last = scene.key;
    else if (this.#last === scene.key) this.#last = null;
    this.#keep();
  }

  clear() {
    [this.#photos, this.#last] = [{}, null];
    this.#keep();
  }

  #keep() {
    ofTab.set(KEPT, JSON.stringify({ photos: this.#photos, last: this.#last }));
  }
}
