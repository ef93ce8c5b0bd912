// The ways a photo comes in: button, drop, paste, camera, samples.

import { startCamera } from "./camera.js";
import { complain, warn } from "./status.js";
import { Problem } from "./client.js";

const input = document.getElementById("file");

const ENDINGS = /\.(jpe?g|jfif|png|webp|bmp|tiff?|gif|avif|heic|heif)$/i;

// As many at once are kept for the session.
const MOST = 20;

/**
 * Call `take` back with the photos that come in together, and out of how many files they were
 * taken; `play` with a video, which the browser decodes and no server does.
 */
export function startIntake(take, play) {
  input.addEventListener("change", () => {
    takePhotos(input.files, take);
    input.value = "";
  });
  startCamera((photo) => takePhotos([photo], take));
  startDrop((files) => {
    const clip = [...files].find(({ type }) => type.startsWith("video/"));
    if (clip) play(clip);
    else takePhotos(files, take);
  });
  addEventListener("paste", (event) => {
    takePhotos(event.clipboardData?.files ?? [], take);
  });
  for (const button of document.querySelectorAll("[data-sample]")) {
    button.addEventListener("click", () => takeSample(button.dataset.sample, take));
  }
}

// What came last wins over a sample that is still on its way.
let came = 0;

/** The images; where there is none the service says what is wrong with the first file. */
function takePhotos(files, take) {
  const photos = [...files].filter(({ name, type }) => type.startsWith("image/") || ENDINGS.test(name));
  if (!files.length) return;
  came += 1;
  take(photos.length ? photos.slice(0, MOST) : [files[0]], files.length);
}

async function takeSample(name, take) {
  const mine = (came += 1);
  try {
    const answer = await fetch(`static/samples/${name}.jpg`);
    if (!answer.ok) throw new Problem("unreachable");
    const photo = new File([await answer.blob()], `${name}.jpg`, { type: "image/jpeg" });
    if (mine === came) take([photo], 1);
  } catch {
    if (mine === came) complain(new Problem("unreachable"), () => takeSample(name, take));
  }
}

function startDrop(takeFiles) {
  const mark = (dragging) => document.body.classList.toggle("dragging", dragging);
  // A text that is dragged to where one writes.
  const isText = ({ target, dataTransfer }) => (
    target.matches?.("input") && !dataTransfer.types.includes("Files")
  );
  for (const name of ["dragenter", "dragover"]) {
    addEventListener(name, (event) => {
      if (isText(event)) return;
      event.preventDefault();
      mark(true);
    });
  }
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) mark(false);
  });
  addEventListener("drop", (event) => {
    mark(false);
    if (isText(event)) return;
    event.preventDefault();
    const { files } = event.dataTransfer;
    if (files.length) takeFiles(files);
    else warn("dropNothing");
  });
}
