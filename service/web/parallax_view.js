// A photo that follows the pointer as if one looked past its edges.

import { followKeys, followPointer } from "./pointer.js";
import { Shader, sayNoWebgl } from "./shader.js";

// Looks along the ray of each pixel for the first surface it meets, nearest first: so near things
// hide far ones, and their edges are not smeared over what is behind.
const FRAGMENT = `
uniform vec2 shift;
void main() {
  // A little larger than the frame, so that its rim never shows.
  vec2 start = (at - 0.5) * (1.0 - 2.0 * max(abs(shift.x), abs(shift.y))) + 0.5;
  const float STEPS = 48.0;
  vec2 point = start;
  float last = 1.0;
  for (float step = 0.0; step <= STEPS; step++) {
    float level = 1.0 - step / STEPS;
    point = start + shift * (level - 0.5);
    if (texture(nearness, point).r >= level) break;
    last = level;
  }
  colour = vec4(texture(photo, point).rgb, 1.0);
}`;

const frame = document.getElementById("parallax");
const strength = document.getElementById("amplitude");

export class ParallaxView {
  #shader = undefined;
  #point = [0.5, 0.5];
  #drawing = false;
  #loaded = null;

  constructor() {
    const move = (point) => {
      this.#point = point;
      this.#soon();
    };
    followPointer(frame, move);
    followKeys(frame, () => this.#point, move);
    strength.addEventListener("input", () => this.#soon());
  }

  show(scene) {
    if (this.#shader === undefined) {
      this.#shader = Shader.on(frame.querySelector("canvas"), FRAGMENT);
      if (!this.#shader) sayNoWebgl(frame);
    }
    if (this.#shader && this.#loaded !== scene) this.#shader.load(scene);
    this.#loaded = scene;
    this.#soon();
  }

  hide() {}

  /** Draw once a frame at most, however often the pointer moves. */
  #soon() {
    if (this.#drawing || !this.#shader || !this.#loaded) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      const reach = 2 * Number(strength.value);
      this.#shader.draw({ shift: this.#point.map((share) => reach * (share - 0.5)) });
    });
  }
}
