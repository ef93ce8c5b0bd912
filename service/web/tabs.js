// The row of tabs: one panel is shown at a time, arrow keys move between them.

const tabs = [...document.querySelectorAll("[role=tab]")];
const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));
const WITHOUT_PHOTO = new Set(["depth", "live"]);
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

/** Most tabs need a photo with depth. */
export function enable(enabled) {
  for (const tab of tabs) tab.disabled = !enabled && !WITHOUT_PHOTO.has(nameOf(tab));
}

export function startTabs(callback) {
  select("depth");
  onSelect = callback;
  for (const tab of tabs) {
    tab.addEventListener("click", () => select(nameOf(tab)));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const open = tabs.filter(({ disabled }) => !disabled);
      const next = open[(open.indexOf(tab) + step + open.length) % open.length];
      select(nameOf(next));
      next.focus();
    });
  }
}
