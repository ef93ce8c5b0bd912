// Draws at most once a frame, and coarser where the device cannot keep up.

import { Shader, sayNoWebgl } from "./shader.js";

// A screen of 60 Hz leaves 16.7 ms; a frame that takes longer than this has missed its turn, and one
// that takes half a second was not waited for.
const SMOOTH_MS = 22;
const PAUSE_MS = 500;
const LATE_IN_A_ROW = 3;
const STEP = Math.SQRT1_2;
const COARSEST = 0.35;
const GAIN = 0.8;
const REST_MS = 150;

export class SmoothDrawing {
  #shader;
  #uniforms;
  #pending = false;
  #scale = 1;
  #adapts = true;
  #lastAt = -Infinity;
  #late = [];
  #fullMs = 0;
  #rest = 0;

  /**
   * On the canvas of a frame; null, and said so in the frame, where the browser has no WebGL 2.
   * `uniforms` tells, when it is time to draw, what the shader shall draw.
   */
  static on(frame, fragment, uniforms) {
    const shader = Shader.on(frame.querySelector("canvas"), fragment);
    if (!shader) sayNoWebgl(frame);
    return shader && new SmoothDrawing(shader, uniforms);
  }

  constructor(shader, uniforms) {
    this.#shader = shader;
    this.#uniforms = uniforms;
  }

  load(scene) {
    this.#shader.load(scene);
  }

  /** Something moved: draw with the next frame. */
  soon() {
    clearTimeout(this.#rest);
    if (this.#pending) return;
    this.#pending = true;
    requestAnimationFrame((at) => this.#frame(at));
  }

  /** Draw this picture as well as it gets: at rest nobody waits for the next one. */
  sharpen() {
    this.#shader.draw(this.#uniforms(), 1);
  }

  #frame(at) {
    this.#pending = false;
    const took = at - this.#lastAt;
    this.#lastAt = at;
    if (took > SMOOTH_MS && took < PAUSE_MS) this.#late.push(took);
    else this.#late = [];
    if (this.#adapts && this.#late.length === LATE_IN_A_ROW) this.#adapt(Math.min(...this.#late));
    this.#shader.draw(this.#uniforms(), this.#scale);
    if (this.#scale < 1) this.#rest = setTimeout(() => this.sharpen(), REST_MS);
  }

  #adapt(took) {
    this.#late = [];
    if (this.#scale === 1) this.#fullMs = took;
    if (this.#scale > COARSEST) {
      this.#scale = Math.max(COARSEST, this.#scale * STEP);
    } else {
      // As coarse as it gets. If that helped little, pixels are not what takes the time.
      this.#adapts = false;
      if (took > GAIN * this.#fullMs) this.#scale = 1;
    }
  }
}
