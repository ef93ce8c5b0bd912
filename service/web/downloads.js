// Results to keep: what the page has at hand, and what the service makes of the original file.

import { Problem, bytesOf, post } from "./client.js";
import { paint } from "./colormaps.js";
import { nearnessOf, writeNpy } from "./depth_map.js";
import { enlarged } from "./enlarging.js";
import { SKY } from "./geometry.js";
import { writeDepth16 } from "./png16.js";
import { pictureToShare } from "./share.js";

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

const chosen = (slider) => document.getElementById(slider).value;
const living = (format) => ({ format, path: "circle", amplitude: chosen("amplitude") });

/** A surface as the 3D view shows it. */
function mesh(format, scene) {
  const sky = document.getElementById("relief-sky").checked;
  return { format, far_ratio: chosen("relief-depth"), ...(sky && { far: scene.valueOf(SKY) }) };
}

/** What can be saved: route, parameters and what the file is called. */
const FILES = {
  heatmap: ["depth", (colormap) => ({ format: "heatmap", colormap }), "-heatmap.png"],
  depth16: ["depth", () => ({ format: "depth16" }), "-depth16.png"],
  npy: ["depth", () => ({ format: "npy" }), "-depth.npy"],
  ply: ["effects/pointcloud", (_, scene) => mesh("ply", scene), ".ply"],
  glb: ["effects/pointcloud", (_, scene) => mesh("glb", scene), "-mesh.glb"],
  stl: ["effects/relief", () => ({ format: "stl" }), ".stl"],
  height: ["effects/relief", () => ({ format: "height16" }), "-height.png"],
  living: ["effects/parallax", () => living("webp"), "-living.webp"],
  video: ["effects/parallax", () => living("mp4"), "-living.mp4"],
  anaglyph: ["effects/stereo", () => ({ layout: "anaglyph" }), "-anaglyph.jpg"],
};

/** Make or fetch one file and save it; `options` are post()'s. Returns the file's name. */
export async function download(kind, scene, colormap, options) {
  if (kind === "share") return save(await pictureToShare(scene, colormap), `${scene.stem}-depth.png`);
  const [route, query, ending] = FILES[kind];
  const own = await OWN[kind]?.(scene, colormap);
  return save(own ?? await fetched(route, query(colormap, scene), scene, options), scene.stem + ending);
}

async function fetched(route, query, scene, options) {
  const asked = route === "depth" ? scene.asked : {};
  // Colours tell nearness, as the page shows it, whatever was measured.
  const measured = query.format === "heatmap" ? { model: scene.model } : scene.query;
  const all = { ...query, ...asked, ...measured };
  const answer = await post(`v1/${route}`, scene.file, all, options).catch((problem) => {
    // Nothing else of it can be wrong; a server need not have what makes videos.
    throw all.format === "mp4" && problem.type === "invalid-parameter" ? new Problem("no-video") : problem;
  });
  return bytesOf(answer, "blob");
}

// Some browsers have no larger canvas.
const MOST_OWN_PIXELS = 16_000_000;

/** What the page makes of the depth map it has: the photo need not be sent again. */
const OWN = {
  heatmap: (scene, colormap) => {
    const map = fullSize(scene);
    if (!map) return null;
    const canvas = document.createElement("canvas");
    paint(canvas, nearnessOf(map.values, scene.kind).nearness, map.width, map.height, colormap);
    return new Promise((resolve) => canvas.toBlob(resolve));
  },
  depth16: (scene) => {
    const map = inMetres(scene);
    return map && writeDepth16(map, scene.model);
  },
  npy: (scene) => {
    const map = inMetres(scene);
    return map && writeNpy(map);
  },
};

/** The depth map at the photo's size; null of huge photos, whose only the service can make. */
function fullSize({ map, kind, size }) {
  return size && size[0] * size[1] <= MOST_OWN_PIXELS ? enlarged(map, kind, ...size) : null;
}

/** As `fullSize()`, with its `kind`, in metres where there are some; null with gaps in it, too. */
function inMetres(scene) {
  const { kind, metres } = scene;
  const map = fullSize(scene);
  const values = map && metres ? metres.map(map.values) : map?.values;
  if (!values || values.some(Number.isNaN)) return null;
  return { ...map, values, kind: metres ? "metric_depth" : kind };
}
