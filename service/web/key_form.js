// The form for an API key, and what a key lets be done once more.

import { hasKey, keepKey } from "./client.js";
import { complain, warn } from "./status.js";

const form = document.getElementById("key-form");
let repeat = () => {};

/** Ask for a key, or for another one; with it `again` is done. */
export function askForKey(again) {
  repeat = again ?? (() => {});
  if (hasKey()) warn("keyWrong");
  else complain({ type: "unauthorized" });
  form.hidden = false;
  form.elements.key.focus();
}

export function isKeyAskedFor() {
  return !form.hidden;
}

export function hideKeyForm() {
  form.hidden = true;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  keepKey(form.elements.key.value.trim());
  hideKeyForm();
  repeat();
});
