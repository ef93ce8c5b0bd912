// A snapshot from the camera.

import { warn } from "./status.js";

const dialog = document.getElementById("camera-dialog");
const video = dialog.querySelector("video");

/** Let the person take a photo, and call back with it as a file. */
export function startCamera(take) {
  document.getElementById("camera").addEventListener("click", open);
  document.getElementById("camera-cancel").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", stop);
  document.getElementById("shoot").addEventListener("click", async () => {
    const photo = await snapshot();
    dialog.close();
    take(photo);
  });
}

async function open() {
  // Browsers hide the camera from pages that are neither https nor localhost.
  if (!navigator.mediaDevices) return warn("cameraMissing");
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 1280 } },
    });
  } catch (error) {
    return warn(error.name === "NotAllowedError" ? "cameraRefused" : "cameraMissing");
  }
  dialog.showModal();
  return video.play();
}

async function snapshot() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
  return new File([blob], "camera.jpg", { type: blob.type });
}

function stop() {
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
}
