// Where the live tab's pictures come from: the device's camera, or a file that the browser decodes.

import { warn } from "./status.js";
import { closeCamera, openCamera, release } from "./webcam.js";

const CAMERA_WIDTH = 960;

export class CameraSource {
  starting = "liveStarting";
  stopped = "liveStopped";
  metric = true;
  #closed = false;

  /** Let `video` show it; says why not where it answers false. `lost` is called when it goes away. */
  async open(video, lost) {
    const camera = await openCamera(CAMERA_WIDTH, lost);
    // The person took a while to allow it, and may have left meanwhile.
    if (this.#closed) release(camera);
    if (this.#closed || !camera) return false;
    video.srcObject = camera;
    return true;
  }

  close(video) {
    this.#closed = true;
    closeCamera(video);
  }
}

export class ClipSource {
  starting = "clipOpening";
  stopped = "clipStopped";
  // It need not be of the camera whose photo was measured.
  metric = false;
  #file;
  #address = null;
  #closing = new AbortController();

  constructor(file) {
    this.#file = file;
  }

  async open(video, lost) {
    this.#address = URL.createObjectURL(this.#file);
    video.src = this.#address;
    const readable = (await this.#loaded(video)) && video.videoWidth > 0;
    const { signal } = this.#closing;
    if (signal.aborted) return false;
    const unreadable = () => warn("clipUnreadable", { name: this.#file.name });
    if (!readable) {
      unreadable();
      return false;
    }
    video.controls = true;
    video.addEventListener("error", () => { lost(); unreadable(); }, { signal });
    return true;
  }

  close(video) {
    this.#closing.abort();
    if (!this.#address) return;
    video.controls = false;
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(this.#address);
  }

  #loaded(video) {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      video.addEventListener("loadeddata", () => resolve(true), { once: true, signal });
      video.addEventListener("error", () => resolve(false), { once: true, signal });
      signal.addEventListener("abort", () => resolve(false));
    });
  }
}
