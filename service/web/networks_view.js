// Several networks' depth of the photo, side by side on one sheet from the service.

import { PATIENCE_SECONDS, bytesOf, post } from "./client.js";
import { isServed, listNetworks } from "./networks.js";
import { onLanguage, say } from "./strings.js";

const byId = (id) => document.getElementById(id);
const [choices, button, sheet, hint] = ["networks", "get-networks", "sheet", "networks-hint"].map(byId);
const MOST = 8;

export class NetworksView {
  #run;
  #scene = null;
  #colormap = null;
  #listed = false;
  #address = null;

  /** `run` does work, says how it goes, and offers to try again. */
  constructor(run) {
    this.#run = run;
    button.addEventListener("click", () => run((options) => this.#compare(options)));
    choices.addEventListener("change", () => this.#allow());
    onLanguage(() => this.#say());
  }

  async show(scene, colormap) {
    if (scene !== this.#scene) this.#forget();
    [this.#scene, this.#colormap] = [scene, colormap];
    // There is something to be said of it only where it does not come.
    if (!this.#listed) await this.#list().catch(() => this.#run(() => this.#list()));
  }

  async #list() {
    const served = (await listNetworks()).filter(isServed);
    choices.replaceChildren(...served.map((model) => choice(model, served.indexOf(model) < MOST)));
    this.#listed = true;
    this.#allow();
    this.#say();
  }

  #chosen() {
    return [...choices.querySelectorAll("input:checked")].map((box) => box.value);
  }

  #allow() {
    const count = this.#chosen().length;
    button.disabled = count < 2 || count > MOST;
  }

  #say() {
    sheet.alt = say("networksTitle");
    const few = choices.children.length < 2;
    choices.hidden = button.hidden = few;
    // Whether there are few is known only of a list that came.
    hint.textContent = this.#listed ? say(few ? "networksFew" : "networksHint") : "";
  }

  async #compare(options) {
    const [scene, models] = [this.#scene, this.#chosen().join(",")];
    const query = { models, colormap: this.#colormap };
    const answer = await post("v1/compare", scene.file, query, { ...options, seconds: PATIENCE_SECONDS });
    const blob = await bytesOf(answer, "blob");
    // Another photo is shown by now.
    if (scene !== this.#scene) return null;
    this.#forget();
    this.#address = URL.createObjectURL(blob);
    sheet.src = this.#address;
    sheet.hidden = false;
    return "compared";
  }

  #forget() {
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = null;
    sheet.hidden = true;
  }
}

function choice(model, checked) {
  const [label, box] = ["label", "input"].map((name) => document.createElement(name));
  Object.assign(box, { type: "checkbox", value: model.name, checked });
  label.append(box, ` ${model.name}`);
  label.title = `${model.title}, ${model.licence}`;
  return label;
}
