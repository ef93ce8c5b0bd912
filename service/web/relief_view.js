// The photo as a relief in space: drag to orbit, scroll or pinch to zoom, double-click for a centre.

import { behind } from "./background.js";
import { Problem } from "./client.js";
import { surfacesOf } from "./geometry.js";
import { isShortcut, pointIn } from "./pointer.js";
import { Turntable } from "./turntable.js";

const LONGEST_SIDE = 320;
const MOST_TURN = 0.9;
const KEYS = {
  ArrowLeft: [-0.08, 0], ArrowRight: [0.08, 0], ArrowUp: [0, -0.08], ArrowDown: [0, 0.08],
};
const byId = (id) => document.getElementById(id);
const frame = byId("relief");
const canvas = frame.querySelector("canvas");
const [slider, sky, spin] = ["relief-depth", "relief-sky", "relief-spin"].map(byId);
const START = { turn: [0.24, 0.1], zoom: 1 };
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class ReliefView {
  #run;
  #three = null;
  #renderer = null;
  #world = null;
  #meshes = [];
  #camera = null;
  #scene = null;
  #shown = false;
  #turn = START.turn;
  #zoom = START.zoom;
  // What the camera turns about: a point, and null for the middle of the scene.
  #centre = null;
  #middle = 2;
  #fingers = new Map();
  #turntable = new Turntable(spin, (angle) => this.#sway(angle));

  /** `run` does work, says how it goes, and offers to try again. */
  constructor(run) {
    this.#run = run;
    frame.addEventListener("pointerdown", (event) => {
      frame.setPointerCapture(event.pointerId);
      this.#fingers.set(event.pointerId, [event.clientX, event.clientY]);
      this.#turntable.rest();
    });
    frame.addEventListener("pointermove", (event) => this.#drag(event));
    frame.addEventListener("lostpointercapture", (event) => this.#fingers.delete(event.pointerId));
    frame.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.#magnify(Math.exp(-event.deltaY / 800));
    }, { passive: false });
    frame.addEventListener("dblclick", (event) => this.#look(...pointIn(frame, event)));
    frame.addEventListener("keydown", (event) => this.#key(event));
    slider.addEventListener("input", () => this.#build());
    sky.addEventListener("change", () => this.#build());
    byId("relief-reset").addEventListener("click", () => this.#reset());
    new ResizeObserver(() => this.#draw()).observe(frame);
  }

  async show(scene) {
    if (scene !== this.#scene) this.#centre = null;
    [this.#scene, this.#shown] = [scene, true];
    // There is something to be said of it only where it does not come.
    await this.#open().catch(() => this.#run(() => this.#open()));
  }

  hide() {
    this.#shown = false;
    this.#turntable.hide();
  }

  async #open() {
    // A library of 700 kB: only for those who look at this tab.
    this.#three ??= await import("./vendor/three/three.module.min.js").catch(() => {
      throw new Problem("unreachable");
    });
    // Another tab may be shown by now.
    if (!this.#shown || (!this.#renderer && !this.#start())) return;
    this.#build();
    this.#turntable.show();
  }

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
    // After the library's own, which uploads everything anew.
    canvas.addEventListener("webglcontextrestored", () => this.#draw());
    return true;
  }

  #build() {
    if (!this.#renderer || !this.#scene) return;
    this.#drop();
    const { photo } = this.#scene;
    const surfaces = surfacesOf(this.#scene, LONGEST_SIDE, Number(slider.value), sky.checked);
    this.#add(surfaces.front, photo);
    this.#add(surfaces.back, behind(photo, surfaces), { polygonOffset: true, polygonOffsetFactor: 1 });
    const sorted = [...surfaces.front.distances].filter((distance) => distance > 0).sort((one, other) => one - other);
    this.#middle = sorted[sorted.length >> 1] ?? 1;
    this.#draw();
  }

  #add({ positions, uvs, triangles }, picture, options = {}) {
    const { BufferAttribute, BufferGeometry, CanvasTexture, DoubleSide, Mesh, MeshBasicMaterial } = this.#three;
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(positions, 3));
    geometry.setAttribute("uv", new BufferAttribute(uvs, 2));
    geometry.setIndex(triangles);
    const map = new CanvasTexture(picture);
    map.colorSpace = this.#three.SRGBColorSpace;
    map.anisotropy = 4;
    const mesh = new Mesh(geometry, new MeshBasicMaterial({ map, side: DoubleSide, ...options }));
    this.#world.add(mesh);
    this.#meshes.push(mesh);
  }

  #drop() {
    for (const mesh of this.#meshes) {
      this.#world.remove(mesh);
      mesh.geometry.dispose();
      mesh.material.map.dispose();
      mesh.material.dispose();
    }
    this.#meshes = [];
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
    if (isShortcut(event)) return;
    if (event.key === "+" || event.key === "=") this.#magnify(1.1);
    else if (event.key === "-") this.#magnify(1 / 1.1);
    else if (event.key === "Enter") this.#look(0.5, 0.5);
    else if (event.key in KEYS) this.#orbit(...KEYS[event.key]);
    else return;
    event.preventDefault();
  }

  #orbit(across, down) {
    this.#turntable.rest();
    this.#turn = [
      clamp(this.#turn[0] - across, -MOST_TURN, MOST_TURN),
      clamp(this.#turn[1] + down, -MOST_TURN, MOST_TURN),
    ];
    this.#draw();
  }

  #sway(angle) {
    this.#turn = [this.#turn[0] + angle, this.#turn[1]];
    this.#draw();
  }

  #magnify(factor) {
    this.#turntable.rest();
    this.#zoom = clamp(this.#zoom * factor, 0.4, 4);
    this.#draw();
  }

  #reset() {
    [this.#turn, this.#zoom, this.#centre] = [START.turn, START.zoom, null];
    this.#turntable.rest();
    this.#draw();
  }

  /** Turn about what is seen at a place of the frame, given as shares. */
  #look(x, y) {
    if (!this.#camera) return;
    const { Raycaster, Vector2 } = this.#three;
    const ray = new Raycaster();
    ray.setFromCamera(new Vector2(2 * x - 1, 1 - 2 * y), this.#camera);
    const [found] = ray.intersectObjects(this.#meshes);
    if (found) this.#centre = found.point;
    this.#turntable.rest();
    this.#draw();
  }

  /** The camera swings about the centre, from where the photo was taken. */
  #draw() {
    const [width, height] = [frame.clientWidth, frame.clientHeight];
    if (!this.#meshes.length || !width || !height) return;
    this.#renderer.setSize(width, height, false);
    const { PerspectiveCamera, Spherical, Vector3 } = this.#three;
    const { width: across, height: down, focal } = this.#scene;
    // Whichever side of the photo fills the frame decides the angle of view.
    const upright = Math.max(down, (across * height) / width) / 2 / focal;
    const angle = (360 / Math.PI) * Math.atan((1.08 * upright) / this.#zoom);
    this.#camera = new PerspectiveCamera(angle, width / height, 0.05, 60);
    const centre = this.#centre ?? new Vector3(0, 0, -this.#middle);
    const from = new Spherical().setFromVector3(centre.clone().negate());
    from.theta += this.#turn[0];
    from.phi = clamp(from.phi - this.#turn[1], 0.1, Math.PI - 0.1);
    this.#camera.position.setFromSpherical(from).add(centre);
    this.#camera.lookAt(centre);
    this.#camera.updateMatrixWorld();
    this.#renderer.render(this.#world, this.#camera);
  }
}
