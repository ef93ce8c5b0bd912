// The camera, or a video file, and its heatmap beside it, while both move.

import { save } from "./downloads.js";
import { FrameGrabber, fit } from "./frame_grabber.js";
import { FrameStream } from "./frame_stream.js";
import { LiveDepth } from "./live_depth.js";
import { LiveFigures } from "./live_figures.js";
import { CameraSource, ClipSource } from "./live_source.js";
import { Recorder } from "./recorder.js";
import { busy, complain, tell } from "./status.js";
import { onLanguage, say } from "./strings.js";

const MS_BETWEEN_TRIES = 40;
const byId = (id) => document.getElementById(id);
const [panel, video, heatmap, toggle] = ["panel-live", "live-video", "live-heatmap", "live-switch"].map(byId);
const [record, chooser] = ["live-record", "live-file"].map(byId);

/** Everything that one press of Start, or one file, opened. */
class Run {
  source;
  recorder = null;
  figures = new LiveFigures();
  depth;
  stream = null;
  frames = new FrameGrabber(video);
  drawn = 0;
  said = null;

  constructor(source, { colormap, metres, query }) {
    this.source = source;
    this.depth = metres && new LiveDepth(colormap, metres);
    // Numbers instead of pictures: the page paints them and reads them.
    this.query = this.depth ? { ...query, format: "raw" } : query;
  }
}

export class LiveView {
  #query;
  #fail;
  #run = null;
  #make = undefined;
  // What is said of metres.
  #metres = "liveNoMetres";

  /**
   * `query` gives {colormap, metres, query}, with metres only where told so; `fail` takes the
   * Problem that ended the stream.
   */
  constructor(query, fail) {
    this.#query = query;
    this.#fail = fail;
    toggle.addEventListener("click", () => (this.#run ? this.stop() : this.start()));
    record.addEventListener("click", () => (this.#run?.recorder ? this.#keep(this.#run) : this.#record()));
    chooser.addEventListener("change", () => {
      if (chooser.files.length) this.play(chooser.files[0]);
      chooser.value = "";
    });
    // A video that stands still shows no new frames by itself.
    for (const name of ["pause", "seeked"]) video.addEventListener(name, () => this.#shootStill(this.#run));
    video.addEventListener("ended", () => this.#keep(this.#run));
    video.addEventListener("resize", () => {
      panel.style.setProperty("--ratio", video.videoWidth / video.videoHeight);
    });
    addEventListener("pagehide", () => this.stop());
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.stop(); });
    onLanguage(() => this.#say());
  }

  show() {
    this.#metres = this.#query(true).metres ? "liveMetres" : "liveNoMetres";
    this.#say();
  }

  hide() {
    this.stop();
  }

  /** Whether the camera or a video is shown. */
  get runs() {
    return Boolean(this.#run);
  }

  /** Show the camera, or a video file. */
  play(file) {
    return this.start(() => new ClipSource(file));
  }

  /** What was shown last, once more. */
  again() {
    return this.start(this.#make);
  }

  async start(make = () => new CameraSource()) {
    this.#end();
    this.#make = make;
    const source = make();
    const run = (this.#run = new Run(source, this.#query(source.metric)));
    if (run.depth) this.#metres = "liveMetres";
    else this.#metres = source.metric ? "liveNoMetres" : "liveClipNoMetres";
    this.#say();
    busy(source.starting);
    const opened = await source.open(video, () => this.#lose(run));
    if (run !== this.#run) return;
    if (opened) await this.#open(run);
    else this.#end();
  }

  async #open(run) {
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

  /** Release the camera or the file, and the stream, on purpose. */
  stop() {
    if (!this.#run) return;
    const { source, recorder } = this.#run;
    this.#end();
    if (!recorder) tell(source.stopped);
  }

  #record() {
    if (!this.#run || heatmap.hidden) return;
    this.#run.recorder = new Recorder(video, heatmap);
    this.#say();
  }

  /** Save what was recorded so far, if anything was. */
  async #keep(run) {
    const recorder = run?.recorder;
    if (!recorder) return;
    run.recorder = null;
    this.#say();
    const { blob, ending } = await recorder.stop();
    tell("downloaded", { name: save(blob, `depth${ending}`) });
  }

  #end() {
    this.#keep(this.#run);
    this.#run?.stream?.close();
    this.#run?.figures.clear();
    this.#run?.depth?.close();
    this.#run?.source.close(video);
    this.#run = null;
    this.#fill(video, false);
    this.#fill(heatmap, false);
    this.#say();
  }

  async #break(problem) {
    // Its words would take the place of what went wrong.
    const run = this.#run;
    await this.#keep(run);
    if (run !== this.#run) return;
    this.#end();
    this.#fail(problem);
  }

  #lose(run) {
    if (run === this.#run) this.#end();
  }

  #warn(run, problem) {
    if (run.said === problem.type) return;
    run.said = problem.type;
    complain(problem);
  }

  /** Send the picture that a pause or a jump ended at, as soon as there is room for it. */
  async #shootStill(run) {
    while (run?.stream && run === this.#run && video.paused) {
      const jpeg = run.stream.ready ? await run.frames.grab() : null;
      if (jpeg && run === this.#run) {
        run.stream.send(jpeg);
        return;
      }
      await new Promise((resolve) => { setTimeout(resolve, MS_BETWEEN_TRIES); });
    }
  }

  /** Send the newest picture whenever the stream has room for it. */
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
    if (run !== this.#run || sequence < run.drawn) {
      picture.close?.();
      return;
    }
    run.drawn = sequence;
    const shown = run.depth?.paint(picture, head) ?? picture;
    // The heatmap has the network's size; stretched it lines up with the video.
    fit(heatmap, video);
    heatmap.getContext("2d").drawImage(shown, 0, 0, heatmap.width, heatmap.height);
    shown.close?.();
    this.#fill(heatmap, true);
    run.depth?.read();
    run.recorder?.draw();
    this.#allowRecording(run);
    run.figures.add(latency, dropped);
    if (run.said !== "running") tell("liveRunning", { model });
    run.said = "running";
  }

  #allowRecording(run) {
    record.hidden = !(run && !heatmap.hidden && Recorder.possible);
  }

  #fill(picture, full) {
    const frame = picture.parentElement;
    picture.hidden = !full;
    frame.querySelector(".empty").hidden = full;
    frame.classList.toggle("full", full);
  }

  #say() {
    toggle.querySelector("span").textContent = say(this.#run ? "liveStop" : "liveStart");
    record.querySelector("span").textContent = say(this.#run?.recorder ? "liveSave" : "liveRecord");
    this.#allowRecording(this.#run);
    this.#run?.figures.say();
    byId("live-metres").textContent = say(this.#metres);
  }
}
