// What the page is doing, or what went wrong and what to do about it.

import { keepFocus } from "./focus.js";
import { knows, onLanguage, say } from "./strings.js";

const line = document.getElementById("status");
const bar = document.getElementById("progress");
const again = document.getElementById("retry");
const stop = document.getElementById("cancel");
const LONGEST_NAME = 48;
const FINAL = new Set(["unsupported-media-type", "undecodable-image", "payload-too-large", "unauthorized", "empty", "unreadable", "contradiction", "thing", "no-video"]);
let render = () => "";
let retry = null;
let running = null;

function show(words, { error = false, busy = false, share = null, repeat = null, run = null } = {}) {
  render = words;
  [retry, running] = [repeat, run];
  write();
  line.classList.toggle("error", error);
  bar.hidden = !busy;
  if (share === null) bar.removeAttribute("value");
  else bar.value = share;
  const change = () => { [stop.hidden, again.hidden] = [!run, !repeat]; };
  keepFocus(line.parentElement, change, () => [stop, again].find(({ hidden }) => !hidden) ?? line);
}

/** Not once more what is there already: it would be read out again. */
function write() {
  const words = render();
  if (line.textContent !== words) line.textContent = words;
}

export function tell(key, values = {}) {
  show(() => say(key, shortened(values)));
}

/** Something goes on; `run` is an AbortController that a button may abort. */
export function busy(key, run = null) {
  show(() => say(key), { busy: true, run });
}

/** Whether a run may say how it goes; if another goes on by now, that one says what is going on. */
export function isHeard(run) {
  return !running || running === run;
}

/** A run has ended, and how. */
export function done(run, key, values) {
  if (isHeard(run)) tell(key, values);
}

/** A run has ended of which there is nothing to say; what others say stays. */
export function over(run) {
  if (running === run) show(() => "");
}

/** The `progress` of a post(): words for the upload, and those of `key` from when it is done. */
export function uploading(key, run) {
  return (share) => {
    if (run.signal.aborted || !isHeard(run)) return;
    if (share === 1) busy(key, run);
    else show(() => say("uploading"), { busy: true, share, run });
  };
}

/** Say a Problem in words; `repeat` does it again, where that can help. */
export function complain(problem, repeat) {
  show(() => wordsOf(problem), {
    error: true, repeat: FINAL.has(problem.type) ? null : repeat,
  });
}

/** Say a mistake that has words of its own. */
export function warn(key, values = {}) {
  show(() => say(key, shortened(values)), { error: true });
}

/** Of a long name the beginning, and the end, which names of one camera differ in. */
function shortened(values) {
  const letters = [...(values.name ?? "")];
  if (letters.length <= LONGEST_NAME) return values;
  const [begin, end] = [letters.slice(0, LONGEST_NAME / 2), letters.slice(-LONGEST_NAME / 4)];
  return { ...values, name: `${begin.join("")}…${end.join("")}` };
}

function wordsOf({ type, detail, retryAfter }) {
  const key = `error.${type}`;
  const words = say(knows(key) ? key : "error.other", { detail });
  return retryAfter ? `${words} ${say("retryAfter", { seconds: retryAfter })}` : words;
}

again.addEventListener("click", () => retry?.());
stop.addEventListener("click", () => running?.abort());
onLanguage(write);
