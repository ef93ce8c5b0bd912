// The device's camera: asked for, refused in words, released.

import { warn } from "./status.js";

const WORDS = { NotAllowedError: "cameraRefused", NotReadableError: "cameraBusy" };
const otherwise = () => (navigator.mediaDevices ? "cameraMissing" : "cameraInsecure");

/** The camera that looks away from the person as a MediaStream, or null once said why not. */
export async function openCamera(width) {
  try {
    // Browsers hide the camera from pages that are neither https nor localhost.
    return await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: width } },
    });
  } catch (error) {
    warn(WORDS[error.name] ?? otherwise());
    return null;
  }
}

/** Turn off the camera that a video element shows. */
export function closeCamera(video) {
  release(video.srcObject);
  video.srcObject = null;
}

export function release(camera) {
  camera?.getTracks().forEach((track) => track.stop());
}
