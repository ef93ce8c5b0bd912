// What the page is doing, or what went wrong and what to do about it.

import { knows, onLanguage, say } from "./strings.js";

const line = document.getElementById("status");
const bar = document.getElementById("progress");
const again = document.getElementById("retry");
const FINAL = new Set(["unsupported-media-type", "undecodable-image", "payload-too-large", "unauthorized", "contradiction"]);
let render = () => "";
let retry = null;

function show(words, { error = false, busy = false, repeat = null } = {}) {
  render = words;
  retry = repeat;
  line.textContent = words();
  line.classList.toggle("error", error);
  bar.hidden = !busy;
  again.hidden = !repeat;
}

export function tell(key, values = {}) {
  show(() => say(key, values));
}

export function busy(key) {
  show(() => say(key), { busy: true });
}

/** Say a Problem in words; `repeat` does it again, where that can help. */
export function complain(problem, repeat) {
  show(() => wordsOf(problem), {
    error: true, repeat: FINAL.has(problem.type) ? null : repeat,
  });
}

/** Say a mistake that has words of its own. */
export function warn(key) {
  show(() => say(key), { error: true });
}

function wordsOf({ type, detail, retryAfter }) {
  const key = `error.${type}`;
  const words = say(knows(key) ? key : "error.other", { detail });
  return retryAfter ? `${words} ${say("retryAfter", { seconds: retryAfter })}` : words;
}

again.addEventListener("click", () => retry?.());
onLanguage(() => { line.textContent = render(); });
