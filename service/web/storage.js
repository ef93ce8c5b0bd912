// What a tab or a browser remembers; where it may remember nothing, the page does until it is left.

class Kept {
  #open;
  // What could not be stored: there is no room for it, or no storage.
  #here = new Map();

  constructor(open) {
    this.#open = open;
  }

  get(key) {
    if (this.#here.has(key)) return this.#here.get(key);
    try {
      return this.#open().getItem(key);
    } catch {
      return null;
    }
  }

  /** What a kept JSON text says; null where there is none that can be read. */
  json(key) {
    try {
      return JSON.parse(this.get(key));
    } catch {
      return null;
    }
  }

  /** Keep a text; null forgets it. */
  set(key, text) {
    try {
      if (text === null) this.#open().removeItem(key);
      else this.#open().setItem(key, text);
      this.#here.delete(key);
    } catch {
      this.#here.set(key, text);
    }
  }
}

// To name them alone fails where the person lets this site keep nothing.
export const ofTab = new Kept(() => sessionStorage);
export const ofBrowser = new Kept(() => localStorage);
