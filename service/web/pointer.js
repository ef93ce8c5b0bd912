// A point on a picture, moved by mouse, finger or arrow keys.

const STEP = 0.02;
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const clamp = (share) => Math.min(Math.max(share, 0), 1);

/** Where an event is in an element, as shares 0..1 of its width and height. */
export function pointIn(element, event) {
  const box = element.getBoundingClientRect();
  return [clamp((event.clientX - box.left) / box.width), clamp((event.clientY - box.top) / box.height)];
}

/** Whether keys pressed together are the browser's, such as Alt and left for back. */
export function isShortcut({ altKey, ctrlKey, metaKey }) {
  return altKey || ctrlKey || metaKey;
}

/** Put a marker at a point. */
export function place(marker, [x, y]) {
  marker.style.setProperty("--x", `${100 * x}%`);
  marker.style.setProperty("--y", `${100 * y}%`);
}

/** Move the point by the arrow keys; `read` tells where it is. */
export function followKeys(element, read, move, { signal } = {}) {
  element.addEventListener("keydown", (event) => {
    const direction = DIRECTIONS[event.key];
    if (!direction || isShortcut(event)) return;
    event.preventDefault();
    const [x, y] = read();
    move([clamp(x + STEP * direction[0]), clamp(y + STEP * direction[1])]);
  }, { signal });
}

/** Call back with every point that is clicked or tapped, or chosen by Enter; `read` tells that. */
export function followTaps(element, read, tap) {
  element.addEventListener("click", (event) => tap(pointIn(element, event)));
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter") tap(read());
  });
}

/** Follow the pointer while it hovers, or only while it is pressed; and every click or tap. */
export function followPointer(element, move, { pressed = false, signal } = {}) {
  const moved = (event) => move(pointIn(element, event));
  // A finger that comes down, or moves a little, may be about to scroll.
  const scrolls = (event) => pressed && event.pointerType === "touch";
  element.addEventListener("click", moved, { signal });
  element.addEventListener("pointerdown", (event) => {
    if (pressed && !scrolls(event)) element.setPointerCapture(event.pointerId);
  }, { signal });
  element.addEventListener("pointermove", (event) => {
    if (!scrolls(event) && (!pressed || event.buttons)) moved(event);
  }, { signal });
}
