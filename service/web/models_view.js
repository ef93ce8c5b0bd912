// Which networks there are: one is chosen for the page, the others say how to get them.

import { PATIENCE_SECONDS } from "./client.js";
import { isServed, listNetworks } from "./networks.js";
import { onLanguage, say } from "./strings.js";

const byId = (id) => document.getElementById(id);
const [dialog, list, detail] = ["models-dialog", "models", "detail"].map(byId);

export class ModelsView {
  #models = [];
  #took = new Map();
  #chosen = null;
  #fine = false;
  // Which network is marked in the open list: arrow keys mark each that they pass.
  #marked = null;

  /** `changed` is told of another choice, once the list is closed; `fail` takes the Problem of a list that does not come, and how to ask once more. */
  constructor(changed, fail) {
    for (const button of document.querySelectorAll("[data-open=models]")) {
      const open = () => this.#open().catch((problem) => fail(problem, open));
      button.addEventListener("click", open);
    }
    byId("models-close").addEventListener("click", () => dialog.close());
    list.addEventListener("change", ({ target }) => { this.#marked = target.value; });
    dialog.addEventListener("close", () => { if (this.#choose()) changed(); });
    onLanguage(() => this.#say());
  }

  /** Choose what a result was `asked` for with, so that the two agree. */
  adopt({ model = null, detail: wanted }) {
    [this.#chosen, this.#fine] = [model, wanted === "high"];
  }

  /** Parameters of the choice; none is the service's own. */
  get query() {
    return {
      ...(this.#chosen && { model: this.#chosen }), ...(this.#fine && { detail: "high" }),
    };
  }

  /** A deadline for a network that may have to be loaded first. */
  get seconds() {
    return this.#chosen || this.#fine ? PATIENCE_SECONDS : undefined;
  }

  /** Note how long a network took on this machine, as its answer says. */
  note(model, answer) {
    const inference = /inference;dur=([\d.]+)/.exec(answer.headers.get("Server-Timing"));
    if (inference && !this.#fine) this.#took.set(model, Number(inference[1]));
  }

  async #open() {
    this.#models = await listNetworks();
    [this.#marked, detail.checked] = [this.#chosen, this.#fine];
    this.#say();
    dialog.showModal();
  }

  /** Whether what is marked is another choice than before. */
  #choose() {
    const same = this.#marked === this.#chosen && detail.checked === this.#fine;
    [this.#chosen, this.#fine] = [this.#marked, detail.checked];
    return !same;
  }

  #say() {
    list.replaceChildren(...this.#models.map((model) => this.#line(model)));
  }

  #line(model) {
    const line = document.createElement("li");
    line.append(isServed(model) ? this.#choice(model) : strong(model.name), ` ${model.title}`);
    line.append(paragraph(this.#facts(model), "hint"));
    if (!model.licence_accepted) line.append(code(`DEPTH_ACCEPT_LICENSES=${model.licence}`));
    if (model.state === "missing") line.append(code(`depth-service models pull ${model.name}`));
    return line;
  }

  #choice(model) {
    const [label, box] = ["label", "input"].map((name) => document.createElement(name));
    const checked = this.#chosen ? model.name === this.#chosen : model.default;
    Object.assign(box, { type: "radio", name: "model", value: model.name, checked });
    label.append(box, strong(model.name));
    return label;
  }

  #facts({ name, unit, licence, gflop }) {
    const usual = this.#models.find((model) => model.default);
    const took = this.#took.get(name);
    const time = took === undefined
      ? say("modelWork", { times: Number((gflop / usual.gflop).toPrecision(2)) })
      : say("modelTook", { milliseconds: Math.round(took) });
    return [say(unit ? "modelMetres" : "modelRelative"), time, licence].join(" · ");
  }
}

function strong(text) {
  return Object.assign(document.createElement("strong"), { textContent: text });
}

function code(text) {
  return Object.assign(document.createElement("code"), { textContent: text });
}

function paragraph(text, className) {
  return Object.assign(document.createElement("p"), { textContent: text, className });
}
