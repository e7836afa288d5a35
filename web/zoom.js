// Looks at the hall from nearer or farther: pinch, trackpad, buttons, and drag with the mouse.
//
// Panning is the browser's own scrolling, which no script does better; zooming makes the paper larger
// and scrolls so that what is under the fingers stays under them.

import { PITCH } from "./layout.js";
import { calm } from "./dom.js";

/** Screen pixels from seat to seat that a finger can hit. */
const COMFORTABLE = 30;
const LARGEST = 56;

export class Zoom {
  #hall;
  #paper;
  #box = { width: 1, height: 1 };
  #scale = 0;
  #dragged = false;

  /** `hall` is the window on the `paper`. */
  constructor(hall, paper) {
    this.#hall = hall;
    this.#paper = paper;
    new ResizeObserver(() => this.#resized()).observe(hall);
    window.addEventListener("resize", () => this.#resized());
    this.#pinch();
    this.#wheel();
    this.#drag();
  }

  /** Another plan is on the paper. */
  fit(box) {
    this.#box = box;
    this.#scale = 0;
    this.#resized();
  }

  /** Pixels from seat to seat. */
  get pitch() {
    return this.#scale * PITCH;
  }

  get comfortable() {
    return this.pitch >= COMFORTABLE * 0.6;
  }

  /** Whether the pointer has just moved the paper, so that the click that follows means nothing. */
  get dragged() {
    return this.#dragged;
  }

  step(factor) {
    const { left, top, width, height } = this.#hall.getBoundingClientRect();
    this.#glide(this.#scale * factor, left + width / 2, top + height / 2);
  }

  whole() {
    this.#glide(this.#least(), 0, 0);
  }

  /** Goes near enough to hit a seat. */
  approach(clientX, clientY) {
    this.#glide(COMFORTABLE / PITCH, clientX, clientY);
  }

  /** Brings a point of the paper into sight. */
  show({ x, y }) {
    const { clientWidth, clientHeight, scrollLeft, scrollTop } = this.#hall;
    const left = (x - this.#box.x) * this.#scale;
    const top = (y - this.#box.y) * this.#scale;
    const margin = 40;
    if (left < scrollLeft + margin || left > scrollLeft + clientWidth - margin) this.#hall.scrollLeft = left - clientWidth / 2;
    if (top < scrollTop + margin || top > scrollTop + clientHeight - margin) this.#hall.scrollTop = top - clientHeight / 2;
  }

  /** The whole hall in sight, unless that would make the seats of a deep hall too small. */
  #least() {
    const wide = this.#hall.clientWidth / this.#box.width;
    const high = (parseFloat(getComputedStyle(this.#hall).maxHeight) - 4) / this.#box.height;
    return Math.min(wide, Math.max(high, wide * 0.7));
  }

  #resized() {
    const least = this.#least();
    // The first time, and whenever the whole was in sight before, show the whole.
    const fitted = this.#scale === 0 || this.#hall.dataset.zoomed === undefined;
    this.#set(fitted ? least : Math.max(this.#scale, least));
  }

  #set(scale) {
    const least = this.#least();
    this.#scale = Math.min(Math.max(scale, least), Math.max(LARGEST / PITCH, least));
    this.#hall.style.setProperty("--pitch", `${this.pitch}px`);
    this.#paper.style.width = `${this.#box.width * this.#scale}px`;
    this.#paper.style.height = `${this.#box.height * this.#scale}px`;
    if (this.#scale > least * 1.02) this.#hall.dataset.zoomed = "";
    else delete this.#hall.dataset.zoomed;
  }

  /** Zooms; the point of the paper under the given place of the window stays there. */
  #around(scale, clientX, clientY) {
    const before = this.#paper.getBoundingClientRect();
    const x = (clientX - before.left) / before.width;
    const y = (clientY - before.top) / before.height;
    this.#set(scale);
    const after = this.#paper.getBoundingClientRect();
    this.#hall.scrollLeft += after.left + x * after.width - clientX;
    this.#hall.scrollTop += after.top + y * after.height - clientY;
  }

  #glide(target, clientX, clientY) {
    if (calm.matches) return this.#around(target, clientX, clientY);
    const from = this.#scale;
    const start = performance.now();
    const frame = (now) => {
      const part = Math.min(1, (now - start) / 180);
      const eased = 1 - (1 - part) ** 3;
      this.#around(from * (target / from) ** eased, clientX, clientY);
      if (part < 1) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  #pinch() {
    let last;
    const fingers = ([a, b]) => ({
      apart: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY),
      x: (a.clientX + b.clientX) / 2,
      y: (a.clientY + b.clientY) / 2,
    });
    this.#hall.addEventListener("touchstart", (event) => {
      if (event.touches.length === 2) last = fingers(event.touches);
    });
    this.#hall.addEventListener(
      "touchmove",
      (event) => {
        if (event.touches.length !== 2 || !last) return;
        // Else the browser would zoom the whole page.
        event.preventDefault();
        const now = fingers(event.touches);
        this.#hall.scrollLeft += last.x - now.x;
        this.#hall.scrollTop += last.y - now.y;
        this.#around((this.#scale * now.apart) / last.apart, now.x, now.y);
        last = now;
      },
      { passive: false },
    );
    this.#hall.addEventListener("touchend", () => (last = undefined));
  }

  #wheel() {
    this.#hall.addEventListener(
      "wheel",
      (event) => {
        // A plain wheel scrolls the page, as everywhere. Trackpads send pinches with "ctrl".
        if (!event.ctrlKey) return;
        event.preventDefault();
        this.#around(this.#scale * Math.exp(-event.deltaY / 160), event.clientX, event.clientY);
      },
      { passive: false },
    );
  }

  #drag() {
    let from;
    this.#hall.addEventListener("pointerdown", (event) => {
      this.#dragged = false;
      if (event.pointerType !== "mouse" || event.button !== 0 || this.#hall.dataset.zoomed === undefined) return;
      from = { x: event.clientX, y: event.clientY, left: this.#hall.scrollLeft, top: this.#hall.scrollTop };
    });
    window.addEventListener("pointermove", (event) => {
      if (!from) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (!this.#dragged && Math.hypot(dx, dy) < 5) return;
      this.#dragged = true;
      this.#hall.scrollLeft = from.left - dx;
      this.#hall.scrollTop = from.top - dy;
    });
    window.addEventListener("pointerup", () => (from = undefined));
  }
}
