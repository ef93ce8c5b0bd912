// The form for an API key, and what a key lets be done once more.

import { hasKey, keepKey } from "./client.js";
import { isThere, keepFocus } from "./focus.js";
import { complain, warn } from "./status.js";

const form = document.getElementById("key-form");
let repeat = () => {};
// What had the focus before the form.
let before = null;

/** Ask for a key, or for another one; with it `again` is done. */
export function askForKey(again) {
  repeat = again ?? (() => {});
  if (hasKey()) warn("keyWrong");
  else complain({ type: "unauthorized" });
  if (form.hidden) before = document.activeElement;
  form.hidden = false;
  form.elements.key.focus();
}

export function isKeyAskedFor() {
  return !form.hidden;
}

export function hideKeyForm() {
  const next = () => (before !== document.body && isThere(before) ? before : document.getElementById("file"));
  keepFocus(form, () => { form.hidden = true; }, next);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  keepKey(form.elements.key.value.trim());
  hideKeyForm();
  repeat();
});
