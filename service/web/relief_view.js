// The photo as a relief in space: drag to orbit, scroll or pinch to zoom.

import { gridOf, trianglesOf } from "./geometry.js";

const LONGEST_SIDE = 320;
const MOST_TURN = 0.9;
const KEYS = {
  ArrowLeft: [-0.08, 0], ArrowRight: [0.08, 0], ArrowUp: [0, -0.08], ArrowDown: [0, 0.08],
};
const frame = document.getElementById("relief");
const canvas = frame.querySelector("canvas");
const slider = document.getElementById("relief-depth");
const START = { turn: [0.24, 0.1], zoom: 1 };
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class ReliefView {
  #three = null;
  #renderer = null;
  #world = null;
  #mesh = null;
  #scene = null;
  #turn = START.turn;
  #zoom = START.zoom;
  #middle = 2;
  #fingers = new Map();

  constructor() {
    frame.addEventListener("pointerdown", (event) => {
      frame.setPointerCapture(event.pointerId);
      this.#fingers.set(event.pointerId, [event.clientX, event.clientY]);
    });
    frame.addEventListener("pointermove", (event) => this.#drag(event));
    frame.addEventListener("lostpointercapture", (event) => this.#fingers.delete(event.pointerId));
    frame.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.#magnify(Math.exp(-event.deltaY / 800));
    }, { passive: false });
    frame.addEventListener("keydown", (event) => this.#key(event));
    slider.addEventListener("input", () => this.#build());
    document.getElementById("relief-reset").addEventListener("click", () => {
      [this.#turn, this.#zoom] = [START.turn, START.zoom];
      this.#draw();
    });
    new ResizeObserver(() => this.#draw()).observe(frame);
  }

  async show(scene) {
    this.#scene = scene;
    // A library of 700 kB: only for those who look at this tab.
    this.#three ??= await import("./vendor/three/three.module.min.js");
    if (!this.#renderer && !this.#start()) return;
    this.#build();
  }

  hide() {}

  #start() {
    try {
      const context = canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });
      if (!context) throw new Error("no WebGL 2");
      this.#renderer = new this.#three.WebGLRenderer({ canvas, context, alpha: true });
    } catch {
      canvas.hidden = true;
      frame.querySelector(".empty").hidden = false;
      return false;
    }
    this.#renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.#world = new this.#three.Scene();
    return true;
  }

  #build() {
    if (!this.#renderer || !this.#scene) return;
    const { BufferAttribute, BufferGeometry, CanvasTexture, DoubleSide, Mesh, MeshBasicMaterial } = this.#three;
    this.#drop();
    const grid = gridOf(this.#scene, LONGEST_SIDE, Number(slider.value));
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(grid.positions, 3));
    geometry.setAttribute("uv", new BufferAttribute(grid.uvs, 2));
    geometry.setIndex(trianglesOf(grid));
    const map = new CanvasTexture(this.#scene.photo);
    map.colorSpace = this.#three.SRGBColorSpace;
    map.anisotropy = 4;
    this.#mesh = new Mesh(geometry, new MeshBasicMaterial({ map, side: DoubleSide }));
    this.#world.add(this.#mesh);
    const sorted = [...grid.distances].sort((one, other) => one - other);
    this.#middle = sorted[sorted.length >> 1];
    this.#draw();
  }

  #drop() {
    if (!this.#mesh) return;
    this.#world.remove(this.#mesh);
    this.#mesh.geometry.dispose();
    this.#mesh.material.map.dispose();
    this.#mesh.material.dispose();
  }

  /** One finger, or the mouse, turns; two zoom by how far they part. */
  #drag(event) {
    const from = this.#fingers.get(event.pointerId);
    if (!from) return;
    const to = [event.clientX, event.clientY];
    const apart = this.#reach();
    this.#fingers.set(event.pointerId, to);
    if (this.#fingers.size > 1) this.#magnify(this.#reach() / apart);
    else this.#orbit((to[0] - from[0]) / 200, (to[1] - from[1]) / 200);
  }

  #reach() {
    const [[x, y], [otherX, otherY] = [x, y]] = [...this.#fingers.values()];
    return Math.max(1, Math.hypot(x - otherX, y - otherY));
  }

  #key(event) {
    if (event.key === "+" || event.key === "=") this.#magnify(1.1);
    else if (event.key === "-") this.#magnify(1 / 1.1);
    else if (event.key in KEYS) this.#orbit(...KEYS[event.key]);
    else return;
    event.preventDefault();
  }

  #orbit(across, down) {
    this.#turn = [
      clamp(this.#turn[0] - across, -MOST_TURN, MOST_TURN),
      clamp(this.#turn[1] + down, -MOST_TURN, MOST_TURN),
    ];
    this.#draw();
  }

  #magnify(factor) {
    this.#zoom = clamp(this.#zoom * factor, 0.4, 4);
    this.#draw();
  }

  /** The camera swings about the middle of the scene, from where the photo was taken. */
  #draw() {
    const [width, height] = [frame.clientWidth, frame.clientHeight];
    if (!this.#mesh || !width || !height) return;
    this.#renderer.setSize(width, height, false);
    const { width: across, height: down } = this.#scene;
    const half = Math.tan((55 * Math.PI) / 360) / Math.max(across, down);
    // Whichever side of the photo fills the frame decides the angle of view.
    const upright = Math.max(half * down, (half * across * height) / width);
    const camera = new this.#three.PerspectiveCamera(
      (360 / Math.PI) * Math.atan((1.08 * upright) / this.#zoom), width / height, 0.05, 60,
    );
    const [turn, tilt] = this.#turn;
    const radius = this.#middle;
    camera.position.set(
      radius * Math.sin(turn) * Math.cos(tilt), radius * Math.sin(tilt),
      radius * Math.cos(turn) * Math.cos(tilt) - radius,
    );
    camera.lookAt(0, 0, -radius);
    this.#renderer.render(this.#world, camera);
  }
}
