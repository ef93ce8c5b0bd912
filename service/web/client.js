// Calls to the service: a blob goes in, a response or a Problem comes out.

import { ofTab } from "./storage.js";

/** A deadline for networks that may have to be loaded first: longer than the usual one. */
export const PATIENCE_SECONDS = 120;
const KEY = "api-key";
// What a header can hold.
const SENDABLE = /^[\x21-\x7e]+$/;

/** Why a call failed: the service's problem+json, or that it cannot be reached. */
export class Problem extends Error {
  constructor(type, detail = "", retryAfter = null) {
    super(detail || type);
    this.type = type;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }
}

export function keepKey(key) {
  ofTab.set(KEY, key);
}

export function hasKey() {
  return Boolean(ofTab.get(KEY));
}

async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  const retryAfter = Number(response.headers.get("Retry-After")) || null;
  return new Problem(body.type ?? "other", body.detail ?? `HTTP ${response.status}`, retryAfter);
}

/**
 * POST a photo; `query` is an object of parameters, `parts` are more files by name, `seconds` is a
 * deadline other than usual. `progress` is told how much is uploaded, 0 to 1.
 */
export async function post(path, photo, query = {}, { signal, seconds, progress, parts = {} } = {}) {
  // A folder, or a file that was moved or changed since it was chosen.
  await photo.slice(0, 1).arrayBuffer().catch(() => { throw new Problem("unreadable"); });
  const body = new FormData();
  for (const [name, file] of Object.entries({ image: photo, ...parts })) body.append(name, file, name);
  const headers = seconds ? { "X-Request-Timeout": seconds } : {};
  return call(`${path}?${new URLSearchParams(query)}`, { body, signal, headers, progress }, upload);
}

/** The JSON of a GET route. */
export async function get(path) {
  return bytesOf(await call(path, { headers: {} }), "json");
}

/** As fetch(), which does not tell how far an upload is. */
function upload(address, { body, headers, signal, progress }) {
  const request = new XMLHttpRequest();
  const loaded = new Promise((resolve, reject) => {
    request.open("POST", address);
    request.responseType = "blob";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", ({ loaded, total }) => progress?.(loaded / total));
    request.addEventListener("load", resolve);
    request.addEventListener("error", () => reject(new Problem("unreachable")));
    request.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
    signal?.addEventListener("abort", () => request.abort());
    request.send(body);
  });
  return loaded.then(() => responseOf(request));
}

function responseOf(request) {
  const lines = request.getAllResponseHeaders().split("\r\n").filter(Boolean);
  const headers = lines.map((line) => /^([^:]+): ?(.*)$/s.exec(line).slice(1));
  return new Response(request.response, { status: request.status, headers });
}

async function call(address, request, send = fetch) {
  request.signal?.throwIfAborted();
  const key = ofTab.get(KEY);
  if (key && !SENDABLE.test(key)) throw new Problem("unauthorized");
  if (key) request.headers["X-API-Key"] = key;
  let response;
  try {
    // Relative, so that it works behind a proxy that strips a prefix.
    response = await send(address, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("unreachable");
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** The bytes of an answer; a connection that breaks in the middle is a Problem too. */
export async function bytesOf(response, how = "arrayBuffer") {
  try {
    return await response[how]();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("unreachable");
  }
}

/** A WebSocket; `query` is an object of parameters. */
export function connect(path, query = {}) {
  const address = new URL(`${path}?${new URLSearchParams(query)}`, document.baseURI);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  const key = ofTab.get(KEY);
  // Browsers let no page set headers here, and an address ends up in logs.
  if (key) socket.addEventListener("open", () => socket.send(JSON.stringify({ api_key: key })));
  return socket;
}
