// A photo that follows the pointer as if one looked past its edges.

import { followKeys, followPointer } from "./pointer.js";
import { SmoothDrawing } from "./smooth_drawing.js";

// Looks along the ray of each pixel for the first surface it meets, nearest first: so near things
// hide far ones, and their edges are not smeared over what is behind.
const FRAGMENT = `
uniform vec2 shift;
void main() {
  // A little larger than the frame, so that its rim never shows.
  vec2 start = (at - 0.5) * (1.0 - 2.0 * max(abs(shift.x), abs(shift.y))) + 0.5;
  // A step a pixel: more would find nothing new.
  float steps = max(ceil(length(shift * size)), 1.0);
  vec2 point = start;
  for (float step = 0.0; step <= steps; step++) {
    float level = 1.0 - step / steps;
    point = start + shift * (level - 0.5);
    if (textureLod(nearness, point, 0.0).r >= level) break;
  }
  colour = vec4(texture(photo, point).rgb, 1.0);
}`;

const frame = document.getElementById("parallax");
const strength = document.getElementById("amplitude");

export class ParallaxView {
  #drawing = undefined;
  #point = [0.5, 0.5];
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
    if (this.#drawing === undefined) {
      this.#drawing = SmoothDrawing.on(frame, FRAGMENT, () => this.#uniforms());
    }
    if (this.#loaded !== scene) this.#drawing?.load(scene);
    this.#loaded = scene;
    this.#soon();
  }

  hide() {}

  #soon() {
    if (this.#loaded) this.#drawing?.soon();
  }

  #uniforms() {
    const reach = 2 * Number(strength.value);
    return { shift: this.#point.map((share) => reach * (share - 0.5)) };
  }
}
