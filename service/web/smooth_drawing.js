// Draws at most once a frame, and coarser where the device cannot keep up.

import { Shader, sayNoWebgl } from "./shader.js";

// A screen of 60 Hz leaves 16.7 ms; a frame that takes longer than this has missed its turn, and one
// that takes half a second was not waited for: the page was hidden.
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
  #wanted = false;
  #running = false;
  #drawnAt = null;
  #rest = 0;
  #scale;
  #adapts;
  #late;
  #fullMs;

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
    shader.restored = () => this.soon();
    this.#startSharp();
  }

  load(scene) {
    this.#startSharp();
    this.#shader.load(scene);
  }

  /** Something moved: draw with the next frame. */
  soon() {
    clearTimeout(this.#rest);
    this.#wanted = true;
    if (this.#running) return;
    this.#running = true;
    requestAnimationFrame((at) => this.#frame(at));
  }

  /** Draw this picture as well as it gets: at rest nobody waits for the next one. */
  sharpen() {
    this.#shader.draw(this.#uniforms(), 1);
  }

  #startSharp() {
    this.#scale = 1;
    this.#adapts = true;
    this.#late = [];
    this.#fullMs = 0;
  }

  #frame(at) {
    // What a drawing takes shows in when the next frame comes, whether or not anything moves then:
    // a held key moves something every other frame.
    if (this.#drawnAt !== null) this.#judge(at - this.#drawnAt);
    this.#drawnAt = null;
    this.#running = this.#wanted;
    if (!this.#wanted) return;
    this.#wanted = false;
    this.#shader.draw(this.#uniforms(), this.#scale);
    this.#drawnAt = at;
    clearTimeout(this.#rest);
    if (this.#scale < 1) this.#rest = setTimeout(() => this.sharpen(), REST_MS);
    requestAnimationFrame((next) => this.#frame(next));
  }

  #judge(took) {
    if (took > SMOOTH_MS && took < PAUSE_MS) this.#late.push(took);
    else this.#late = [];
    if (this.#adapts && this.#late.length === LATE_IN_A_ROW) this.#adapt(Math.min(...this.#late));
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
