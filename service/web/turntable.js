// A view that sways slowly while nobody touches it, unless a person wants things to stand still.

const IDLE_MS = 4000;
const ROUND_MS = 14_000;
const FRAME_MS = 30;
const REACH = 0.3;

export class Turntable {
  #button;
  #turn;
  #wanted = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  #shown = false;
  #timer = 0;
  #frame = 0;

  /** `button` starts and stops it; `turn` is told by how many radians more the view has turned. */
  constructor(button, turn) {
    [this.#button, this.#turn] = [button, turn];
    button.addEventListener("click", () => {
      this.#wanted = !this.#wanted;
      this.#say();
      this.#wait(0);
    });
    document.addEventListener("visibilitychange", () => this.rest());
    this.#say();
  }

  show() {
    this.#shown = true;
    this.rest();
  }

  hide() {
    this.#shown = false;
    this.rest();
  }

  /** Somebody does something: stand still for a while. */
  rest() {
    this.#wait(IDLE_MS);
  }

  #wait(milliseconds) {
    clearTimeout(this.#timer);
    cancelAnimationFrame(this.#frame);
    if (!this.#wanted || !this.#shown || document.hidden) return;
    this.#timer = setTimeout(() => this.#run(performance.now()), milliseconds);
  }

  #run(started) {
    let [turned, drawn] = [0, started];
    const step = (now) => {
      this.#frame = requestAnimationFrame(step);
      if (now - drawn < FRAME_MS) return;
      drawn = now;
      const angle = REACH * Math.sin((2 * Math.PI * (now - started)) / ROUND_MS);
      this.#turn(angle - turned);
      turned = angle;
    };
    this.#frame = requestAnimationFrame(step);
  }

  #say() {
    this.#button.setAttribute("aria-pressed", this.#wanted);
  }
}
