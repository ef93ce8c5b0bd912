// The ways a photo comes in: button, drop, paste, camera, samples.

import { startCamera } from "./camera.js";
import { complain } from "./status.js";
import { Problem } from "./client.js";

const input = document.getElementById("file");

/** Call back with every photo that comes in, and of how many at once it is the first. */
export function startIntake(take) {
  input.addEventListener("change", () => {
    if (input.files.length) take(input.files[0]);
    input.value = "";
  });
  startCamera(take);
  startDrop(take);
  addEventListener("paste", (event) => {
    const files = event.clipboardData?.files ?? [];
    if (files.length) take(files[0], files.length);
  });
  for (const button of document.querySelectorAll("[data-sample]")) {
    button.addEventListener("click", () => takeSample(button.dataset.sample, take));
  }
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
    const { files } = event.dataTransfer;
    if (files.length) take(files[0], files.length);
  });
}
