// The page: a photo in, its heatmap beside it, and what depth is for in the tabs.

import { CompareView } from "./compare_view.js";
import { DepthView } from "./depth_view.js";
import { download } from "./downloads.js";
import { estimate } from "./estimate.js";
import { startIntake } from "./intake.js";
import { askForKey, hideKeyForm, isKeyAskedFor } from "./key_form.js";
import { LiveView } from "./live_view.js";
import { ModelsView } from "./models_view.js";
import { keep, recall, rememberPhoto, rememberTab } from "./memory.js";
import { ObstacleView } from "./obstacle_view.js";
import { ParallaxView } from "./parallax_view.js";
import { readableFile, readPhoto } from "./photo.js";
import { PortraitView } from "./portrait_view.js";
import { ReliefView } from "./relief_view.js";
import { Scene } from "./scene.js";
import { busy, complain, done, isHeard, over, tell, uploading, warn } from "./status.js";
import { currentLanguage, onLanguage, speak, translate } from "./strings.js";
import { Strip } from "./strip.js";
import { enable, select, selectedTab, startTabs } from "./tabs.js";

const samples = [...document.querySelectorAll("[data-sample]")];
const views = {
  depth: new DepthView(runWork),
  compare: new CompareView(runWork),
  relief: new ReliefView(runWork),
  parallax: new ParallaxView(),
  portrait: new PortraitView(offer),
  obstacle: new ObstacleView(),
  live: new LiveView(liveQuery, failLive),
};
const models = new ModelsView(followChoice, fail);
const strip = new Strip(openResult, tryAgain);
// The photos of the row's entries, to compute once more what did not come.
const fileOf = new WeakMap();
let shown = "depth";
let current = null;
let scene = null;
let finished = null;
// Of which entry of the history the finished one is.
let entry = null;
let wantedTab = "depth";
// Begins anew with the photo whose depth is on its way.
let remeasure = null;
// The entry of the row whose depth that is.
let computing = null;
// Whether the scene is of another network than was chosen, by one who looks at the camera's.
let stale = false;
// The other photos of a drop, while the page has them computed one by one.
let others = new AbortController();

function setScene(next) {
  scene = next;
  stale = false;
  strip.mark(scene?.key);
  enable(Boolean(scene));
  document.body.classList.toggle("without-depth", !scene);
  if (scene) document.body.style.setProperty("--ratio", scene.width / scene.height);
}

function showTab(name) {
  if (name !== shown) views[shown].hide();
  shown = name;
  // The camera needs no photo.
  if (scene || name === "live") views[name].show(scene, views.depth.colormap);
  if (stale && name !== "live") measure(scene.file);
}

/** Another network was chosen, or another detail: what is looked at is done once more. */
function followChoice() {
  if (remeasure) remeasure();
  else if (views.live.runs) {
    stale = Boolean(scene);
    views.live.again();
  } else if (scene) measure(scene.file);
}

/** Compute the depth of photos: show the first, and put all in a row; `given` files came. */
async function measureAll(files, given) {
  others.abort();
  const run = (others = new AbortController());
  const entries = strip.start(files);
  entries.forEach((place, index) => fileOf.set(place, files[index]));
  const whole = () => measureAll(files, given);
  await measure(files[0], { given, photos: files.length, entry: entries[0], whole, drop: run });
  for (const [index, file] of files.entries()) {
    // Without the key that is asked for, none of them comes; with it, all of them.
    if (run.signal.aborted || isKeyAskedFor()) {
      strip.leave(entries.slice(index));
      return;
    }
    if (index) await measureBehind(file, entries[index], run, whole);
  }
}

/** Compute what did not come of the row, though it may. */
function tryAgain(entry) {
  if (others.signal.aborted) others = new AbortController();
  measureBehind(fileOf.get(entry), entry, others);
}

/** Compute a photo's depth for the row, whatever is shown meanwhile; a key lets `again` be done. */
async function measureBehind(file, entry, run, again = () => measureBehind(file, entry, run)) {
  strip.expect(entry);
  try {
    const readable = await readableFile(file);
    const result = await estimate(readable, await readPhoto(readable), models, { signal: run.signal });
    await keep(result);
    strip.fill(entry, result, views.depth.colormap);
  } catch (error) {
    strip.fail(entry, error.type ?? "other");
    if (error.type === "unauthorized") fail(error, again, run);
  }
}

/** Open a result of the row in the tab that is open. */
function openResult(key) {
  rememberPhoto(key, selectedTab() === "live" ? "depth" : selectedTab());
  restore("opened");
}

/** Compute the depth of a photo and show it; `came` tells what it is the first of, the `drop`. */
async function measure(file, came = {}) {
  const { given = 1, photos = 1, entry: place, whole, drop } = came;
  current?.abort();
  const run = (current = new AbortController());
  const started = performance.now();
  const again = () => measure(file, came);
  remeasure = again;
  computing = place;
  hideKeyForm();
  busy("reading_file");
  try {
    const readable = await readableFile(file);
    const photo = await readPhoto(readable);
    run.signal.throwIfAborted();
    if (scene) wantedTab = selectedTab() === "live" ? "depth" : selectedTab();
    setScene(null);
    select("depth");
    views.depth.expect(photo?.canvas);
    busy("estimating", run);
    const progress = uploading("estimating", run);
    finished = await estimate(readable, photo, models, { signal: run.signal, progress });
    present(finished);
    rememberPhoto(finished.key, selectedTab());
    keep(finished);
    entry = finished.key;
    strip.fill(place, finished, views.depth.colormap);
    const seconds = ((performance.now() - started) / 1000).toFixed(2);
    if (!photo) tell("cannotShow");
    else tell(doneWith(given, photos), { seconds, model: finished.model, given, photos });
  } catch (error) {
    // Another photo came in its place.
    if (run !== current) return;
    if (error.name === "AbortError") drop?.abort();
    strip.fail(place, error.type ?? "other");
    // A file that turns out to be no photo does not take away the one before it.
    if (finished) present(finished);
    fail(error, (error.type === "unauthorized" && whole) || again, run);
  } finally {
    if (run === current) remeasure = computing = null;
  }
}

function doneWith(given, photos) {
  if (photos > 1) return "doneMany";
  return given > 1 ? "doneOnly" : "done";
}

/** Show a result, in the tab that was open before it was computed unless another is by now. */
function present(result) {
  setScene(result);
  if (selectedTab() === "depth") select(wantedTab);
  else showTab(selectedTab());
}

/** Show what the present entry of the history is about, as it was left, and say so. */
async function restore(words = "restored") {
  const { photo: wanted = null, tab = "depth" } = history.state ?? {};
  if (scene && wanted === entry) {
    select(tab);
    return;
  }
  current?.abort();
  strip.fail(computing, "left");
  remeasure = computing = null;
  const run = (current = new AbortController());
  const record = wanted && await recall(wanted);
  const photo = record && await readPhoto(record.file);
  if (run.signal.aborted) return;
  entry = wanted;
  finished = record
    && new Scene(record.file, photo, record.map, record.kind, record.model, record.asked, wanted);
  setScene(finished);
  if (finished) {
    finished.camera = record.camera ?? finished.camera;
    models.adopt(finished.asked);
    tell(words, { model: finished.model, name: finished.file.name });
  } else {
    views.depth.expect(null);
    if (wanted) warn("forgotten");
    else tell("nothing");
  }
  select(finished || tab === "live" ? tab : "depth");
}

/** What the history says comes first; a link that was followed says nothing any more. */
function arrive() {
  if (history.state) restore();
  else followLink();
}

/** A link may name a sample photo and a tab: `#sample=coffee&tab=relief`. */
function followLink() {
  history.replaceState({}, "");
  const link = new URLSearchParams(location.hash.slice(1));
  const tab = link.get("tab");
  if (tab in views) wantedTab = tab;
  if (tab === "live" || (scene && tab in views)) select(tab);
  samples.find(({ dataset }) => dataset.sample === link.get("sample"))?.click();
}

/** Run something that ends in a saved file, and say how it went. */
function offer(work) {
  return perform("downloading", async (options) => ["downloaded", { name: await work(options) }]);
}

/** Run something that shows its own result, and say with the words it returns that it is done. */
function runWork(work) {
  return perform("estimating", async (options) => [await work(options)]);
}

/** Run work, which gets post()'s options and returns what to tell, if anything; it can be cancelled. */
async function perform(key, work) {
  const run = new AbortController();
  busy(key, run);
  try {
    const [words, values] = await work({ signal: run.signal, progress: uploading(key, run) });
    if (words) done(run, words, values);
    else over(run);
  } catch (error) {
    fail(error, () => perform(key, work), run);
  }
}

/** Say what went wrong, if its `run` is heard; `again` does it once more, where that can help. */
function fail(error, again = null, run = null) {
  if (run && !isHeard(run)) return;
  if (error.name === "AbortError") {
    tell("cancelled");
    return;
  }
  if (!error.type) console.error(error);
  if (error.type === "unauthorized") askForKey(again);
  else complain({ type: "other", detail: error.message, ...error }, again);
}

/** What went wrong while live; to try again, the tab may have to be found first. */
function failLive(problem) {
  fail(problem, () => {
    select("live");
    views.live.again();
  });
}

/** What live frames are asked for with, and what tells the metres of a camera's. */
function liveQuery(withMetres) {
  const { model } = models.query;
  const metric = scene?.kind === "metric_depth" && model === scene.model;
  const known = metric ? scene.metres : views.depth.borrowed(model);
  const metres = withMetres ? known : null;
  const { colormap } = views.depth;
  return { colormap, metres, query: { colormap, ...(model && { model }), ...metres?.query } };
}

for (const button of document.querySelectorAll("[data-download]")) {
  button.addEventListener("click", () => {
    const wanted = scene;
    button.setAttribute("aria-busy", true);
    offer((options) => download(button.dataset.download, wanted, views.depth.colormap, options))
      .finally(() => button.removeAttribute("aria-busy"));
  });
}

for (const language of ["zh", "en"]) {
  const button = document.getElementById(`speak-${language}`);
  button.addEventListener("click", () => speak(language));
  onLanguage(() => button.setAttribute("aria-pressed", currentLanguage() === language));
}
onLanguage(translate);
onLanguage(() => views.depth.say());

startTabs(showTab, rememberTab);
setScene(null);
startIntake(measureAll, (clip) => {
  select("live");
  views.live.play(clip);
});
addEventListener("popstate", arrive);
if (history.state?.tab) restore();
else followLink();
