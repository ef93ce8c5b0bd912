// A snapshot from the camera.

import { closeCamera, openCamera } from "./webcam.js";

const dialog = document.getElementById("camera-dialog");
const video = dialog.querySelector("video");

/** Let the person take a photo, and call back with it as a file. */
export function startCamera(take) {
  document.getElementById("camera").addEventListener("click", open);
  document.getElementById("camera-cancel").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => closeCamera(video));
  document.getElementById("shoot").addEventListener("click", async () => {
    // Nothing to take before the first picture.
    if (!video.videoWidth) return;
    const photo = await snapshot();
    dialog.close();
    take(photo);
  });
}

let opening = false;

async function open() {
  if (opening || dialog.open) return;
  opening = true;
  const camera = await openCamera(1280, () => dialog.close()).finally(() => { opening = false; });
  if (!camera) return;
  video.srcObject = camera;
  dialog.showModal();
  // It fails when it is closed before it plays.
  await video.play().catch(() => {});
}

async function snapshot() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  return new File([blob], "camera.jpg", { type: blob.type });
}
