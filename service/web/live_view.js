// The camera and its heatmap beside it, while both move.

import { FrameGrabber, fit } from "./frame_grabber.js";
import { FrameStream } from "./frame_stream.js";
import { LiveDepth } from "./live_depth.js";
import { LiveFigures } from "./live_figures.js";
import { busy, complain, tell, warn } from "./status.js";
import { onLanguage, say } from "./strings.js";
import { closeCamera, openCamera, release } from "./webcam.js";

const CAMERA_WIDTH = 960;
const byId = (id) => document.getElementById(id);
const [panel, video, heatmap, toggle] = ["panel-live", "live-video", "live-heatmap", "live-switch"].map(byId);

/** Everything that one press of Start opened. */
class Run {
  figures = new LiveFigures();
  depth;
  stream = null;
  frames = new FrameGrabber(video);
  drawn = 0;
  said = null;

  constructor({ colormap, metres, query }) {
    this.depth = metres && new LiveDepth(colormap, metres);
    // Numbers instead of pictures: the page paints them and reads them.
    this.query = this.depth ? { ...query, format: "raw" } : query;
  }
}

export class LiveView {
  #query;
  #fail;
  #run = null;
  #metric = false;

  /** `query` gives {colormap, metres, query}; `fail` takes the Problem that ended the stream. */
  constructor(query, fail) {
    this.#query = query;
    this.#fail = fail;
    toggle.addEventListener("click", () => (this.#run ? this.stop() : this.start()));
    video.addEventListener("resize", () => {
      panel.style.setProperty("--ratio", video.videoWidth / video.videoHeight);
    });
    addEventListener("pagehide", () => this.stop());
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.stop(); });
    onLanguage(() => this.#say());
  }

  show() {
    this.#metric = Boolean(this.#query().metres);
    this.#say();
  }

  hide() {
    this.stop();
  }

  async start() {
    this.#end();
    const run = (this.#run = new Run(this.#query()));
    this.#say();
    busy("liveStarting");
    const camera = await openCamera(CAMERA_WIDTH);
    // The person took a while to allow it, and may have left meanwhile.
    if (run !== this.#run) release(camera);
    else if (!camera) this.#end();
    else await this.#open(run, camera);
  }

  async #open(run, camera) {
    camera.getTracks().forEach((track) => track.addEventListener("ended", () => this.#lose(run)));
    video.srcObject = camera;
    this.#fill(video, true);
    // It fails when it is stopped before it plays.
    await video.play().catch(() => {});
    if (run !== this.#run) return;
    run.stream = new FrameStream(run.query, {
      answer: (picture, head, latency) => this.#draw(run, picture, head, latency),
      trouble: (problem) => this.#warn(run, problem),
      end: (problem) => this.#break(problem),
    });
    this.#shoot(run);
  }

  /** Release the camera and the stream, on purpose. */
  stop() {
    if (!this.#run) return;
    this.#end();
    tell("liveStopped");
  }

  #end() {
    this.#run?.stream?.close();
    this.#run?.figures.clear();
    this.#run?.depth?.close();
    this.#run = null;
    closeCamera(video);
    this.#fill(video, false);
    this.#fill(heatmap, false);
    this.#say();
  }

  #break(problem) {
    this.#end();
    this.#fail(problem);
  }

  #lose(run) {
    if (run !== this.#run) return;
    this.#end();
    warn("cameraLost");
  }

  #warn(run, problem) {
    if (run.said === problem.type) return;
    run.said = problem.type;
    complain(problem);
  }

  /** Send the camera's newest picture whenever the stream has room for it. */
  async #shoot(run) {
    if (run !== this.#run) return;
    video.requestVideoFrameCallback(() => this.#shoot(run));
    if (!run.stream.ready) return;
    const jpeg = await run.frames.grab();
    if (run === this.#run && jpeg) run.stream.send(jpeg);
  }

  async #draw(run, bytes, head, latency) {
    const { sequence, dropped, model } = head;
    const picture = await (run.depth ? bytes.arrayBuffer() : createImageBitmap(bytes));
    // Pictures may be decoded out of turn.
    if (run !== this.#run || sequence < run.drawn) return;
    run.drawn = sequence;
    const shown = run.depth?.paint(picture, head) ?? picture;
    // The heatmap has the network's size; stretched it lines up with the video.
    fit(heatmap, video);
    heatmap.getContext("2d").drawImage(shown, 0, 0, heatmap.width, heatmap.height);
    shown.close?.();
    this.#fill(heatmap, true);
    run.depth?.read();
    run.figures.add(latency, dropped);
    if (run.said !== "running") tell("liveRunning", { model });
    run.said = "running";
  }

  #fill(picture, full) {
    const frame = picture.parentElement;
    picture.hidden = !full;
    frame.querySelector(".empty").hidden = full;
    frame.classList.toggle("full", full);
  }

  #say() {
    toggle.querySelector("span").textContent = say(this.#run ? "liveStop" : "liveStart");
    this.#run?.figures.say();
    byId("live-metres").textContent = say(this.#metric ? "liveMetres" : "liveNoMetres");
  }
}
