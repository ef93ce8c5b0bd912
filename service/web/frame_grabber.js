// What a video shows, as JPEGs small enough to be sent many times a second.

// The networks look at less.
const LONGEST_SIDE = 480;
const JPEG_QUALITY = 0.8;

export class FrameGrabber {
  #video;
  #canvas = document.createElement("canvas");
  #encoding = false;

  constructor(video) {
    this.#video = video;
  }

  /** A JPEG, or null while the one before is not ready yet. */
  async grab() {
    if (this.#encoding) return null;
    this.#encoding = true;
    fit(this.#canvas, this.#video);
    const { width, height } = this.#canvas;
    this.#canvas.getContext("2d").drawImage(this.#video, 0, 0, width, height);
    const jpeg = await new Promise((resolve) => {
      this.#canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY);
    });
    this.#encoding = false;
    return jpeg;
  }
}

/** Give a canvas the proportions of a video, at the size its frames are sent in. */
export function fit(canvas, { videoWidth, videoHeight }) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(videoWidth, videoHeight));
  const [width, height] = [videoWidth, videoHeight].map((side) => Math.round(scale * side));
  // Setting its size empties a canvas, even to the size it has.
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
