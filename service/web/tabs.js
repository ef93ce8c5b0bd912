// The row of tabs: one panel is shown at a time, arrow keys move between them.

const tabs = [...document.querySelectorAll("[role=tab]")];
const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));
let onSelect = () => {};

export function selectedTab() {
  return nameOf(tabs.find((tab) => tab.getAttribute("aria-selected") === "true"));
}

function nameOf(tab) {
  return tab.id.replace("tab-", "");
}

export function select(name) {
  for (const tab of tabs) {
    const chosen = nameOf(tab) === name;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    panelOf(tab).hidden = !chosen;
  }
  onSelect(name);
}

/** All tabs but the first need a photo with depth. */
export function enable(enabled) {
  tabs.slice(1).forEach((tab) => { tab.disabled = !enabled; });
}

export function startTabs(callback) {
  select("depth");
  onSelect = callback;
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => select(nameOf(tab)));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const next = step && tabs[(index + step + tabs.length) % tabs.length];
      if (!next || next.disabled) return;
      select(nameOf(next));
      next.focus();
    });
  });
}
