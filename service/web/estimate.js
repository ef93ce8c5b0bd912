// A photo's depth from the service: one request answers everything the views need.

import { bytesOf, post } from "./client.js";
import { readNpy } from "./depth_map.js";
import { enlargeOf } from "./networks.js";
import { viewUpload } from "./photo.js";
import { Scene } from "./scene.js";

/** The Scene of a photo, by the network that `models` has chosen; `options` are post()'s. */
export async function estimate(file, photo, models, options) {
  const asked = models.query;
  const query = { format: "npy", size: "network", ...asked };
  // Finer detail is in the photo's own pixels.
  const upload = asked.detail ? file : await viewUpload(file, photo);
  const answer = await post("v1/depth", upload, query, { ...options, seconds: models.seconds });
  const map = readNpy(await bytesOf(answer));
  const [kind, model] = ["X-Depth-Kind", "X-Depth-Model"].map((name) => answer.headers.get(name));
  models.note(model, answer);
  const enlarge = await enlargeOf(model);
  options.signal.throwIfAborted();
  return new Scene(file, photo, { ...map, enlarge }, kind, model, asked);
}
