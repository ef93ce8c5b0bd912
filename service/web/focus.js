// Where the keys go when what had the focus is taken away.

/** Whether an element is on the page and not hidden. */
export function isThere(element) {
  return element.getClientRects().length > 0;
}

/** Do `change`; `next` tells who has the focus after it, if what had it in `area` is gone then. */
export function keepFocus(area, change, next) {
  const focused = document.activeElement;
  const isInside = area.contains(focused);
  change();
  if (isInside && !isThere(focused)) next().focus();
}
