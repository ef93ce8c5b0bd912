// The device's camera: asked for, refused in words, released.

import { warn } from "./status.js";

const WORDS = { NotAllowedError: "cameraRefused", NotReadableError: "cameraBusy" };
const otherwise = () => (navigator.mediaDevices ? "cameraMissing" : "cameraInsecure");

/**
 * The camera that looks away from the person as a MediaStream, or null once said why not. When it
 * goes away `lost` is called, and that is said, too.
 */
export async function openCamera(width, lost) {
  try {
    // Browsers hide the camera from pages that are neither https nor localhost.
    const camera = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: width } },
    });
    const away = () => { lost(); warn("cameraLost"); };
    camera.getTracks().forEach((track) => track.addEventListener("ended", away));
    return camera;
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
