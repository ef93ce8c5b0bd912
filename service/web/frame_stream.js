// A stream of frames to the service and of their depth back, without a queue on either side.

import { Problem, connect } from "./client.js";

// One is worked on while the next is on its way.
const MOST_IN_FLIGHT = 2;
const PAUSE_AFTER_ERROR_MS = 1000;
// The service answers within 30 seconds, if only that it took too long; the rest is for the way.
const SILENCE_MS = 35_000;
const DRAINED = new Problem("draining", "", 5);
const ENDS = { 1001: DRAINED, 1012: DRAINED, 1008: new Problem("unauthorized") };

export class FrameStream {
  #socket;
  #listener;
  #sentAt = new Map();
  #sequence = 0;
  #head = null;
  #resumeAt = 0;
  #silence = 0;

  /** `listener` has answer(bytes, head, latency), the bytes a Blob, trouble(problem) and end(problem). */
  constructor(query, listener) {
    this.#listener = listener;
    this.#socket = connect("v1/stream", query);
    this.#socket.addEventListener("message", ({ data }) => this.#receive(data));
    this.#socket.addEventListener("close", ({ code }) => this.#end(ENDS[code]));
  }

  /** Whether a frame sent now would not wait behind others. */
  get ready() {
    return this.#socket.readyState === WebSocket.OPEN
      && this.#sentAt.size < MOST_IN_FLIGHT && performance.now() >= this.#resumeAt;
  }

  send(frame) {
    if (!this.ready) return;
    this.#socket.send(frame);
    // The service numbers the frames as they arrive, from one.
    this.#sentAt.set(++this.#sequence, performance.now());
    if (this.#sentAt.size === 1) this.#listen();
  }

  close() {
    this.#listener = null;
    clearTimeout(this.#silence);
    this.#socket.close();
  }

  #end(problem = new Problem("unreachable")) {
    const listener = this.#listener;
    this.close();
    listener?.end(problem);
  }

  /** A network that is lost closes nothing: what ends the stream is that nobody answers a frame. */
  #listen() {
    clearTimeout(this.#silence);
    if (this.#sentAt.size) this.#silence = setTimeout(() => this.#end(), SILENCE_MS);
  }

  #receive(data) {
    if (typeof data === "string") {
      this.#head = JSON.parse(data);
      if (this.#head.error) this.#suffer(this.#head);
    } else {
      const latency = this.#settle(this.#head.sequence);
      this.#listener?.answer(data, this.#head, latency);
    }
  }

  #suffer({ sequence, error, detail }) {
    this.#settle(sequence);
    this.#resumeAt = performance.now() + PAUSE_AFTER_ERROR_MS;
    this.#listener?.trouble(new Problem(error, detail));
  }

  /** An answer also ends the wait for the older frames, which were dropped for it. */
  #settle(sequence) {
    const latency = performance.now() - this.#sentAt.get(sequence);
    for (const sent of this.#sentAt.keys()) if (sent <= sequence) this.#sentAt.delete(sent);
    this.#listen();
    return latency;
  }
}
