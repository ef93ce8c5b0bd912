// The row of tabs: one panel is shown at a time; arrow keys, Home and End move between them.

import { isShortcut } from "./pointer.js";

const row = document.querySelector("[role=tablist]");
const tabs = [...row.querySelectorAll("[role=tab]")];
const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));
const WITHOUT_PHOTO = new Set(["depth", "live"]);
let onSelect = () => {};
let onChoice = () => {};

export function selectedTab() {
  return nameOf(tabs.find((tab) => tab.getAttribute("aria-selected") === "true"));
}

function nameOf(tab) {
  return tab.id.replace("tab-", "");
}

export function select(name) {
  const focused = tabs.includes(document.activeElement);
  for (const tab of tabs) {
    const chosen = nameOf(tab) === name;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    panelOf(tab).hidden = !chosen;
    if (chosen && focused) tab.focus();
    // On a phone the row is wider than the screen.
    if (chosen) row.scrollTo({ left: tab.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2 });
  }
  onSelect(name);
}

function choose(tab) {
  select(nameOf(tab));
  onChoice(nameOf(tab));
}

/** Most tabs need a photo with depth. */
export function enable(enabled) {
  const focused = tabs.indexOf(document.activeElement);
  for (const tab of tabs) tab.disabled = !enabled && !WITHOUT_PHOTO.has(nameOf(tab));
  // What is disabled loses the focus, and with it the keys.
  if (tabs[focused]?.disabled) tabs[0].focus();
}

/** `selected` is told of every tab that is shown, `chosen` of those that a person chose. */
export function startTabs(selected, chosen) {
  select("depth");
  [onSelect, onChoice] = [selected, chosen];
  for (const tab of tabs) {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      if (isShortcut(event)) return;
      const open = tabs.filter(({ disabled }) => !disabled);
      const at = open.indexOf(tab);
      const next = {
        ArrowRight: open[(at + 1) % open.length], ArrowLeft: open.at(at - 1),
        Home: open[0], End: open.at(-1),
      }[event.key];
      if (!next) return;
      event.preventDefault();
      choose(next);
      next.focus();
    });
  }
}
