// What a reload, back and forward find again: the photo with its depth, and the tab.

const DATABASE = "depth-page";
const STORE = "photos";
// Photos are kept for a session; browsers do not tell when one ends.
const MOST_PHOTOS = 40;
const MOST_MS = 12 * 3_600_000;

/** Do work with the object store of photos, in one transaction. */
async function withPhotos(mode, work) {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await done(opening);
  try {
    return await work(database.transaction(STORE, mode).objectStore(STORE));
  } finally {
    database.close();
  }
}

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// Private windows of some browsers keep nothing.
const here = new Map();

/** Note another photo, by its Scene.key, and the tab it is shown in as a step that back undoes. */
export function rememberPhoto(key, tab) {
  // Without what a link said: that has been followed.
  history.pushState({ photo: key, tab }, "", location.pathname);
}

/** Keep what a scene is made of, for `recall()`. */
export async function keep({ key, file, map, kind, model, asked, camera }) {
  const record = { file, map, kind, model, asked, camera };
  here.set(key, record);
  // Other tabs keep as many of their own.
  const own = [...here.keys()].slice(0, -MOST_PHOTOS);
  own.forEach((one) => here.delete(one));
  try {
    await withPhotos("readwrite", async (store) => {
      await done(store.put(record, key));
      const old = (await done(store.getAllKeys())).filter((one) => one < key - MOST_MS);
      await Promise.all([...old, ...own].map((one) => done(store.delete(one))));
    });
  } catch {
    // As above.
  }
}

/** Note another tab as a step that back undoes. */
export function rememberTab(tab) {
  if (history.state?.tab !== tab) history.pushState({ ...history.state, tab }, "");
}

/** What `keep()` kept of a scene; null if it is gone. */
export async function recall(key) {
  if (here.has(key)) return here.get(key);
  try {
    return await withPhotos("readonly", (store) => done(store.get(key))) ?? null;
  } catch {
    return null;
  }
}
