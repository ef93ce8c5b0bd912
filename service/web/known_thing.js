// How far a thing of known size is: by how large the camera shows it.

import { bytesOf, post } from "./client.js";
import { FARTHEST, writeNpy } from "./depth_map.js";
import { keep } from "./memory.js";

/** Lengths in metres: an A4 sheet's long side, a floor tile's side, a door's height. */
export const THINGS = { a4: 0.297, tile: 0.3, door: 2 };

// Standard deviations as shares: of a camera's focal length where the photo tells it and where it is
// assumed, as from an ultra-wide lens to a short tele; and of where a finger taps, of the side.
const FOCAL_TOLD = 0.03;
const FOCAL_ASSUMED = 0.2;
const TAP = 0.004;
const MOST_ERROR = 0.5;
const NEAREST = 0.01;

/** Ask the service for the camera that a photo's file tells of, once; its depth goes along. */
export async function findCamera(scene, options) {
  if (scene.camera.asked) return;
  const query = { format: "ply", max_side: 16, depth_kind: scene.kind };
  const parts = { depth: writeNpy(scene.map) };
  const answer = await post("v1/effects/pointcloud", scene.file, query, { ...options, parts });
  const told = answer.headers.get("X-Depth-Camera");
  await bytesOf(answer);
  const fov = Number(/fov=([\d.]+)/.exec(told)[1]);
  scene.camera = { fov, known: !told.startsWith("default"), asked: true };
  keep(scene);
}

/**
 * The anchor in the middle between the two `ends` of a thing that is `length` metres long and faces
 * the camera; null where that is too near or too far. Pinhole: distance = length x focal / pixels.
 */
export function anchorOfThing(scene, ends, length) {
  const [one, other] = ends;
  const pixels = Math.hypot((one[0] - other[0]) * scene.width, (one[1] - other[1]) * scene.height);
  const metres = (length * scene.focal) / pixels;
  if (!(metres >= NEAREST && metres <= FARTHEST)) return null;
  const tapped = (TAP * Math.max(scene.width, scene.height) * Math.SQRT2) / pixels;
  const error = Math.hypot(tapped, scene.camera.known ? FOCAL_TOLD : FOCAL_ASSUMED);
  return {
    point: [0, 1].map((axis) => (one[axis] + other[axis]) / 2), metres,
    error: Math.min(error, MOST_ERROR), assumed: !scene.camera.known,
  };
}
