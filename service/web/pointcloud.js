// A point cloud as binary PLY, for a service that does not make one itself.

import { gridOf } from "./geometry.js";

const LONGEST_SIDE = 512;
const FAR_RATIO = 4;
const POINT_BYTES = 15;

export function pointCloud(scene) {
  const { columns, rows, positions } = gridOf(scene, LONGEST_SIDE, FAR_RATIO);
  const count = columns * rows;
  const header = new TextEncoder().encode([
    "ply", "format binary_little_endian 1.0", `element vertex ${count}`,
    ...["x", "y", "z"].map((name) => `property float ${name}`),
    ...["red", "green", "blue"].map((name) => `property uchar ${name}`),
    "end_header", "",
  ].join("\n"));
  const view = new DataView(new ArrayBuffer(count * POINT_BYTES));
  const colours = scaledPixels(scene.photo, columns, rows);
  for (let index = 0; index < count; index++) {
    const at = index * POINT_BYTES;
    for (let axis = 0; axis < 3; axis++) {
      view.setFloat32(at + 4 * axis, positions[3 * index + axis], true);
      view.setUint8(at + 12 + axis, colours[4 * index + axis]);
    }
  }
  return new Blob([header, view], { type: "application/octet-stream" });
}

function scaledPixels(photo, width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  context.drawImage(photo, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}
