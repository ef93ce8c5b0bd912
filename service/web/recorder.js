// A video and its heatmap side by side, recorded by the browser.

const MOST_WIDTH = 960;
const BITS_A_SECOND = 6_000_000;
// Safari has no WebM.
const KINDS = ["video/webm;codecs=vp9", "video/webm", "video/mp4"];

const kind = () => KINDS.find((each) => MediaRecorder.isTypeSupported(each));

export class Recorder {
  #video;
  #heatmap;
  #canvas = document.createElement("canvas");
  #media;
  #pieces = [];

  constructor(video, heatmap) {
    [this.#video, this.#heatmap] = [video, heatmap];
    const scale = Math.min(1, MOST_WIDTH / video.videoWidth);
    // Encoders want even sides.
    const [width, height] = [video.videoWidth, video.videoHeight].map((side) => 2 * Math.round((scale * side) / 2));
    [this.#canvas.width, this.#canvas.height] = [2 * width, height];
    this.draw();
    this.#media = new MediaRecorder(this.#canvas.captureStream(), {
      mimeType: kind(), videoBitsPerSecond: BITS_A_SECOND,
    });
    this.#media.addEventListener("dataavailable", ({ data }) => this.#pieces.push(data));
    this.#media.start(1000);
  }

  static get possible() {
    return "MediaRecorder" in window && Boolean(kind());
  }

  /** Take in what both show now. */
  draw() {
    const { width, height } = this.#canvas;
    const context = this.#canvas.getContext("2d");
    context.drawImage(this.#video, 0, 0, width / 2, height);
    context.drawImage(this.#heatmap, width / 2, 0, width / 2, height);
  }

  /** The recording: {blob, ending}. */
  async stop() {
    const stopped = new Promise((resolve) => this.#media.addEventListener("stop", resolve, { once: true }));
    this.#media.stop();
    await stopped;
    const [type] = this.#media.mimeType.split(";");
    return { blob: new Blob(this.#pieces, { type }), ending: `.${type.split("/")[1]}` };
  }
}
