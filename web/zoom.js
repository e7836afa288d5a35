// Zooms and pans the map: pinch, trackpad, buttons, and drag with the mouse.
//
// Panning is the browser's own scrolling. Zooming makes the paper larger and scrolls so that the point
// under the fingers stays there.

import { PITCH } from "./layout.js";
import { calm } from "./dom.js";

/** Screen pixels between seats that a finger can hit. */
const COMFORTABLE = 30;
const LARGEST = 56;

export class Zoom {
  #viewport;
  #paper;
  #box = { width: 1, height: 1 };
  #scale = 0;
  #dragged = false;
  #closing = new AbortController();

  /** `viewport` is the scrolling element that shows the `paper`. */
  constructor(viewport, paper) {
    this.#viewport = viewport;
    this.#paper = paper;
    const { signal } = this.#closing;
    const observer = new ResizeObserver(() => this.#resized());
    observer.observe(viewport);
    signal.addEventListener("abort", () => observer.disconnect());
    window.addEventListener("resize", () => this.#resized(), { signal });
    this.#pinch();
    this.#wheel();
    this.#drag();
  }

  /** Listens no more. */
  close() {
    this.#closing.abort();
  }

  /** Shows another plan. */
  fit(box) {
    this.#box = box;
    this.#scale = 0;
    this.#resized();
  }

  /** Screen pixels between seats. */
  get pitch() {
    return this.#scale * PITCH;
  }

  get comfortable() {
    return this.pitch >= COMFORTABLE * 0.6;
  }

  /** Whether the pointer has just moved the paper, so that the next click is ignored. */
  get dragged() {
    return this.#dragged;
  }

  step(factor) {
    const { left, top, width, height } = this.#viewport.getBoundingClientRect();
    this.#glide(this.#scale * factor, left + width / 2, top + height / 2);
  }

  whole() {
    this.#glide(this.#least(), 0, 0);
  }

  /** Zooms in far enough to hit a seat. */
  approach(clientX, clientY) {
    this.#glide(COMFORTABLE / PITCH, clientX, clientY);
  }

  /** Scrolls a point of the paper into view. */
  show({ x, y }) {
    const { clientWidth, clientHeight, scrollLeft, scrollTop } = this.#viewport;
    const left = (x - this.#box.x) * this.#scale;
    const top = (y - this.#box.y) * this.#scale;
    const margin = 40;
    if (left < scrollLeft + margin || left > scrollLeft + clientWidth - margin) this.#viewport.scrollLeft = left - clientWidth / 2;
    if (top < scrollTop + margin || top > scrollTop + clientHeight - margin) this.#viewport.scrollTop = top - clientHeight / 2;
  }

  /** Shows the whole map, unless that would make the seats of a deep plan too small. */
  #least() {
    const wide = this.#viewport.clientWidth / this.#box.width;
    const high = (parseFloat(getComputedStyle(this.#viewport).maxHeight) - 4) / this.#box.height;
    return Math.min(wide, Math.max(high, wide * 0.7));
  }

  #resized() {
    const least = this.#least();
    // The first time, and if the whole map was shown before.
    const fitted = this.#scale === 0 || this.#viewport.dataset.zoomed === undefined;
    this.#set(fitted ? least : Math.max(this.#scale, least));
  }

  #set(scale) {
    const least = this.#least();
    this.#scale = Math.min(Math.max(scale, least), Math.max(LARGEST / PITCH, least));
    this.#viewport.style.setProperty("--pitch", `${this.pitch}px`);
    this.#paper.style.width = `${this.#box.width * this.#scale}px`;
    this.#paper.style.height = `${this.#box.height * this.#scale}px`;
    if (this.#scale > least * 1.02) this.#viewport.dataset.zoomed = "";
    else delete this.#viewport.dataset.zoomed;
  }

  /** Zooms around a point of the window, which stays where it is. */
  #around(scale, clientX, clientY) {
    const before = this.#paper.getBoundingClientRect();
    const x = (clientX - before.left) / before.width;
    const y = (clientY - before.top) / before.height;
    this.#set(scale);
    const after = this.#paper.getBoundingClientRect();
    this.#viewport.scrollLeft += after.left + x * after.width - clientX;
    this.#viewport.scrollTop += after.top + y * after.height - clientY;
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
    const { signal } = this.#closing;
    let last;
    const fingers = ([a, b]) => ({
      apart: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY),
      x: (a.clientX + b.clientX) / 2,
      y: (a.clientY + b.clientY) / 2,
    });
    this.#viewport.addEventListener("touchstart", (event) => {
      if (event.touches.length === 2) last = fingers(event.touches);
    }, { signal });
    this.#viewport.addEventListener(
      "touchmove",
      (event) => {
        if (event.touches.length !== 2 || !last) return;
        // Else the browser would zoom the whole page.
        event.preventDefault();
        const now = fingers(event.touches);
        this.#viewport.scrollLeft += last.x - now.x;
        this.#viewport.scrollTop += last.y - now.y;
        this.#around((this.#scale * now.apart) / last.apart, now.x, now.y);
        last = now;
      },
      { passive: false, signal },
    );
    this.#viewport.addEventListener("touchend", () => (last = undefined), { signal });
  }

  #wheel() {
    this.#viewport.addEventListener(
      "wheel",
      (event) => {
        // A plain wheel scrolls the page, as everywhere. Trackpads send pinches with "ctrl".
        if (!event.ctrlKey) return;
        event.preventDefault();
        this.#around(this.#scale * Math.exp(-event.deltaY / 160), event.clientX, event.clientY);
      },
      { passive: false, signal: this.#closing.signal },
    );
  }

  #drag() {
    const { signal } = this.#closing;
    let from;
    this.#viewport.addEventListener("pointerdown", (event) => {
      this.#dragged = false;
      if (event.pointerType !== "mouse" || event.button !== 0 || this.#viewport.dataset.zoomed === undefined) return;
      from = { x: event.clientX, y: event.clientY, left: this.#viewport.scrollLeft, top: this.#viewport.scrollTop };
    }, { signal });
    window.addEventListener("pointermove", (event) => {
      if (!from) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (!this.#dragged && Math.hypot(dx, dy) < 5) return;
      this.#dragged = true;
      this.#viewport.scrollLeft = from.left - dx;
      this.#viewport.scrollTop = from.top - dy;
    }, { signal });
    window.addEventListener("pointerup", () => (from = undefined), { signal });
  }
}
