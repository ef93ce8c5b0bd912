// Portrait mode: sharp where one points, blurred by the distance from there.

import { bytesOf, post } from "./client.js";
import { save } from "./downloads.js";
import { followKeys, followPointer, place } from "./pointer.js";
import { SmoothDrawing } from "./smooth_drawing.js";
import { onLanguage, say } from "./strings.js";

// As large as the service makes one; smaller photos keep their size.
const LARGEST_SIDE = 4096;
const ENDINGS = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" };

// Gathers a disc of the largest blur; a sample counts if its own blur reaches this pixel, and what
// is sharp and nearer never bleeds into the blur behind it. In linear light, so that lights glow.
const FRAGMENT = `
uniform float focus;
uniform float aperture;
const float TURN = 2.39996323;
float blurOf(float near) {
  return aperture * 0.035 * max(size.x, size.y) * max(abs(near - focus) - 0.06, 0.0) / 0.94;
}
void main() {
  float own = texture(nearness, at).r;
  float blur = blurOf(own);
  float reach = aperture * 0.035 * max(size.x, size.y);
  // One for each pixel of a small disc.
  float samples = clamp(3.14 * reach * reach, 16.0, 128.0);
  vec3 sum = pow(texture(photo, at).rgb, vec3(2.2));
  float weight = 1.0;
  for (float index = 1.0; index < samples; index++) {
    float radius = sqrt(index / samples) * reach;
    vec2 point = at + radius * vec2(cos(index * TURN), sin(index * TURN)) / size;
    float near = textureLod(nearness, point, 0.0).r;
    float theirs = blurOf(near);
    float covers = near > own + 0.05 ? theirs : min(theirs, blur);
    float counts = smoothstep(radius - 1.0, radius + 1.0, covers);
    vec3 light = pow(textureLod(photo, point, 0.0).rgb, vec3(2.2));
    counts *= 1.0 + 2.0 * smoothstep(0.7, 1.0, max(light.r, max(light.g, light.b)));
    sum += light * counts;
    weight += counts;
  }
  colour = vec4(pow(sum / weight, vec3(1.0 / 2.2)), 1.0);
}`;

const frame = document.getElementById("portrait");
const marker = frame.querySelector(".marker");
const aperture = document.getElementById("aperture");
const button = document.getElementById("get-portrait");

export class PortraitView {
  #drawing = undefined;
  #scene = null;
  #point = [0.5, 0.5];
  #download;

  /** `download` runs a promise of a blob and says how it went. */
  constructor(download) {
    this.#download = download;
    const move = (point) => {
      this.#point = point;
      this.#soon();
    };
    followPointer(frame, move, { pressed: true });
    followKeys(frame, () => this.#point, move);
    aperture.addEventListener("input", () => this.#soon());
    button.addEventListener("click", () => this.#save());
    onLanguage(() => this.#nameButton());
  }

  show(scene) {
    if (this.#drawing === undefined) {
      this.#drawing = SmoothDrawing.on(frame, FRAGMENT, () => this.#uniforms());
    }
    if (this.#scene !== scene) {
      this.#scene = scene;
      this.#point = nearestSpot(scene);
      this.#drawing?.load(scene);
    }
    this.#soon();
    this.#nameButton();
  }

  hide() {}

  #nameButton() {
    const [width, height] = this.#scene?.size ?? [0, 0];
    const scale = LARGEST_SIDE / Math.max(width, height);
    button.textContent = scale < 1
      ? say("getPortraitOf", { width: Math.round(scale * width), height: Math.round(scale * height) })
      : say("getPortrait");
  }

  #soon() {
    place(marker, this.#point);
    if (this.#scene) this.#drawing?.soon();
  }

  #uniforms() {
    return { focus: this.#scene.nearnessAt(...this.#point), aperture: Number(aperture.value) };
  }

  #save() {
    const [scene, point] = [this.#scene, this.#point];
    const query = {
      focus: point.map((share) => share.toFixed(4)).join(","), aperture: aperture.value,
      max_side: LARGEST_SIDE, ...scene.query,
    };
    this.#download(async (options) => {
      const answer = await post("v1/effects/portrait", scene.file, query, options);
      const blob = await bytesOf(answer, "blob");
      return save(blob, `${scene.stem}-portrait.${ENDINGS[blob.type]}`);
    });
  }
}

/** Where a phone would focus: on what is near and not at the rim. */
function nearestSpot(scene) {
  let [best, spot] = [-Infinity, [0.5, 0.5]];
  for (let y = 0.1; y < 0.95; y += 0.05) {
    for (let x = 0.1; x < 0.95; x += 0.05) {
      const score = scene.nearnessAt(x, y) - 1.2 * Math.hypot(x - 0.5, y - 0.5);
      if (score > best) [best, spot] = [score, [x, y]];
    }
  }
  return spot;
}
