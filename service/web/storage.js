// What a tab or a browser remembers; where it may remember nothing, the page does until it is left.

class Kept {
  #open;
  #here = new Map();

  constructor(open) {
    this.#open = open;
  }

  get(key) {
    try {
      return this.#open().getItem(key);
    } catch {
      return this.#here.get(key) ?? null;
    }
  }

  /** Keep a text; null forgets it. */
  set(key, text) {
    try {
      if (text === null) this.#open().removeItem(key);
      else this.#open().setItem(key, text);
    } catch {
      this.#here.set(key, text);
    }
  }
}

// To name them alone fails where the person lets this site keep nothing.
export const ofTab = new Kept(() => sessionStorage);
export const ofBrowser = new Kept(() => localStorage);
