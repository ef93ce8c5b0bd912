// What the service tells of its networks.

import { get } from "./client.js";

/** All networks, as /v1/models describes them. */
export async function listNetworks() {
  return (await get("v1/models")).models;
}

/** Whether a photo can be sent to a network. */
export function isServed({ state, licence_accepted: accepted }) {
  return state !== "missing" && accepted;
}

const ways = new Map();

/** How a network's maps are brought to a photo's size. */
export async function enlargeOf(name) {
  if (!ways.has(name)) ways.set(name, (await get(`v1/models/${name}`)).enlarge);
  return ways.get(name);
}
