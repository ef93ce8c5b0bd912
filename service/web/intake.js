// The ways a photo comes in: button, drop, paste, camera, samples.

import { startCamera } from "./camera.js";
import { complain } from "./status.js";
import { Problem } from "./client.js";

const input = document.getElementById("file");

const ENDINGS = /\.(jpe?g|jfif|png|webp|bmp|tiff?|gif|avif|heic|heif)$/i;

/** Call back with every photo that comes in, and out of how many files it was taken. */
export function startIntake(take) {
  input.addEventListener("change", () => {
    if (input.files.length) take(input.files[0]);
    input.value = "";
  });
  startCamera(take);
  startDrop(take);
  addEventListener("paste", (event) => {
    takeFirst(event.clipboardData?.files ?? [], take);
  });
  for (const button of document.querySelectorAll("[data-sample]")) {
    button.addEventListener("click", () => takeSample(button.dataset.sample, take));
  }
}

/** The first image; where there is none the service says what is wrong with the first file. */
function takeFirst(files, take) {
  const photo = [...files].find(({ name, type }) => type.startsWith("image/") || ENDINGS.test(name));
  if (files.length) take(photo ?? files[0], files.length);
}

async function takeSample(name, take) {
  try {
    const answer = await fetch(`static/samples/${name}.jpg`);
    take(new File([await answer.blob()], `${name}.jpg`, { type: "image/jpeg" }));
  } catch {
    complain(new Problem("unreachable"), () => takeSample(name, take));
  }
}

function startDrop(take) {
  const mark = (dragging) => document.body.classList.toggle("dragging", dragging);
  for (const name of ["dragenter", "dragover"]) {
    addEventListener(name, (event) => {
      event.preventDefault();
      mark(true);
    });
  }
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) mark(false);
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    takeFirst(event.dataTransfer.files, take);
  });
}
