// Results to keep, computed by the service from the original file.

import { bytesOf, post } from "./client.js";

/** Hand a blob to the browser as a file; returns its name. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser needs the address until it has begun to read.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return name;
}

async function depthAs(scene, format, query = {}) {
  return bytesOf(await post("v1/depth", scene.file, { format, ...query, ...scene.asked, ...scene.query }), "blob");
}

const chosen = (slider) => document.getElementById(slider).value;

/** Effects that are saved as they come: route, parameters and what the file is called. */
const EFFECTS = {
  ply: ["pointcloud", () => ({ format: "ply", far_ratio: chosen("relief-depth") }), ".ply"],
  glb: ["pointcloud", () => ({ format: "glb", far_ratio: chosen("relief-depth") }), "-mesh.glb"],
  height: ["relief", () => ({ format: "height16" }), "-height.png"],
  living: ["parallax", () => ({ path: "circle", amplitude: chosen("amplitude") }), "-living.webp"],
  anaglyph: ["stereo", () => ({ layout: "anaglyph" }), "-anaglyph.jpg"],
};

/** Fetch or make one result and save it; returns the file's name. */
export async function download(kind, scene, colormap) {
  if (kind in EFFECTS) {
    const [route, query, ending] = EFFECTS[kind];
    const answer = await post(`v1/effects/${route}`, scene.file, { ...query(), ...scene.query });
    return save(await bytesOf(answer, "blob"), scene.stem + ending);
  }
  switch (kind) {
    case "heatmap":
      return save(await depthAs(scene, "heatmap", { colormap }), `${scene.stem}-heatmap.png`);
    case "depth16":
      return save(await depthAs(scene, "depth16"), `${scene.stem}-depth16.png`);
    default:
      return save(await depthAs(scene, "npy"), `${scene.stem}-depth.npy`);
  }
}
