// What part of the paper is shown, and how large. Pure arithmetic; the caller draws when `moved` is called.

import { PITCH } from "../layout.js";

/** Screen pixels between seats that a finger can hit. */
const COMFORTABLE = 30;
const LARGEST = 56;
const GLIDE_MS = 220;
/** Pixels of the window that stay free around the paper. */
const MARGIN = 12;

export class Camera {
  /** CSS pixels for one unit of the paper, and the paper's place at the window's left upper corner. */
  scale = 0;
  x = 0;
  y = 0;
  width = 1;
  height = 1;
  #box = { x: 0, y: 0, width: 1, height: 1 };
  #glide;
  #moved;
  #calm;

  /** `calm()` says whether the visitor wants no motion. */
  constructor(moved, calm) {
    this.#moved = moved;
    this.#calm = calm;
  }

  /** Shows another paper, as a whole. */
  fit(box) {
    this.#box = box;
    this.#glide = undefined;
    this.#set(this.least, box.x + box.width / 2, box.y + box.height / 2);
  }

  /** The window has another size. What was in its middle stays there; a whole map stays whole. */
  resize(width, height) {
    if (width === this.width && height === this.height) return;
    const [whole, x, y] = [this.isWhole, this.x + this.width / this.scale / 2, this.y + this.height / this.scale / 2];
    [this.width, this.height] = [Math.max(1, width), Math.max(1, height)];
    if (this.scale === 0 || whole) this.fit(this.#box);
    else this.#set(this.scale, x, y);
  }

  /** The scale of the whole paper. */
  get least() {
    // A window that is not laid out yet has no size.
    const within = (size) => Math.max(size - 2 * MARGIN, 1);
    return Math.min(within(this.width) / this.#box.width, within(this.height) / this.#box.height);
  }

  get isWhole() {
    return this.scale <= this.least * 1.02;
  }

  /** Screen pixels between seats. */
  get pitch() {
    return this.scale * PITCH;
  }

  /** Whether a finger hits a seat. */
  get comfortable() {
    return this.pitch >= COMFORTABLE * 0.6;
  }

  get gliding() {
    return this.#glide !== undefined;
  }

  /** The rectangle of the paper in the window. */
  get view() {
    return { left: this.x, top: this.y, right: this.x + this.width / this.scale, bottom: this.y + this.height / this.scale };
  }

  toPaper(px, py) {
    return { x: this.x + px / this.scale, y: this.y + py / this.scale };
  }

  toWindow(x, y) {
    return { x: (x - this.x) * this.scale, y: (y - this.y) * this.scale };
  }

  /** Moves by pixels of the window. */
  pan(dx, dy) {
    this.#glide = undefined;
    this.#place(this.scale, this.x - dx / this.scale, this.y - dy / this.scale);
  }

  /** Zooms around a point of the window, which stays where it is. */
  around(factor, px, py) {
    this.#glide = undefined;
    const { x, y } = this.toPaper(px, py);
    const scale = this.#bounded(this.scale * factor);
    this.#place(scale, x - px / scale, y - py / scale);
  }

  step(factor) {
    const { x, y } = this.toPaper(this.width / 2, this.height / 2);
    this.#go((this.#glide?.scale ?? this.scale) * factor, x, y);
  }

  whole() {
    this.#go(this.least, this.#box.x + this.#box.width / 2, this.#box.y + this.#box.height / 2);
  }

  /** Goes near enough to a point of the paper to hit a seat there with a finger. */
  approach({ x, y }) {
    this.#go(Math.max(COMFORTABLE / PITCH, this.scale), x, y);
  }

  /**
   * Shows a rectangle of the paper as large as the window allows. Where that leaves fewer than `pitch` pixels between seats,
   * shows what is around the point `at` of it.
   */
  show({ left, top, right, bottom }, pitch, at) {
    const fit = Math.min(this.width / (right - left + 4 * PITCH), this.height / (bottom - top + 4 * PITCH));
    if (fit * PITCH < pitch) this.#go(pitch / PITCH, at.x, at.y);
    else this.#go(Math.min(fit, COMFORTABLE / PITCH), (left + right) / 2, (top + bottom) / 2);
  }

  /** Brings a point of the paper into the window, with seats of at least `pitch` pixels. */
  reveal({ x, y }, pitch) {
    const { scale } = this.#glide ?? this;
    const to = Math.max(scale, pitch / PITCH);
    const at = this.#glide ?? { x: this.x + this.width / this.scale / 2, y: this.y + this.height / this.scale / 2 };
    const [across, down] = [this.width / to / 2 - 40 / to, this.height / to / 2 - 40 / to];
    if (to === scale && Math.abs(x - at.x) <= across && Math.abs(y - at.y) <= down) return;
    this.#go(to, x, y);
  }

  /** One step of a movement that goes on by itself. */
  tick(now) {
    const glide = this.#glide;
    if (!glide) return;
    const part = Math.min(1, (now - glide.start) / GLIDE_MS);
    const eased = 1 - (1 - part) ** 3;
    const scale = glide.from.scale * (glide.scale / glide.from.scale) ** eased;
    // The middle moves as the scale does, so that the way is straight on the screen.
    const share = glide.scale === glide.from.scale ? eased : (1 / glide.from.scale - 1 / scale) / (1 / glide.from.scale - 1 / glide.scale);
    this.#set(scale, glide.from.x + (glide.x - glide.from.x) * share, glide.from.y + (glide.y - glide.from.y) * share);
    if (part === 1) this.#glide = undefined;
  }

  /** Goes where the scale is `scale` and the middle is at `x`, `y`. */
  #go(scale, x, y) {
    const to = this.#bounded(scale);
    this.#glide = undefined;
    if (this.#calm()) return this.#set(to, x, y);
    const from = { scale: this.scale, x: this.x + this.width / this.scale / 2, y: this.y + this.height / this.scale / 2 };
    this.#glide = { from, scale: to, x, y, start: performance.now() };
    this.#moved();
  }

  #bounded(scale) {
    return Math.min(Math.max(scale, this.least), Math.max(LARGEST / PITCH, this.least));
  }

  #set(scale, x, y) {
    this.#place(scale, x - this.width / scale / 2, y - this.height / scale / 2);
  }

  /** No more than a margin beyond the paper; a paper smaller than the window is in its middle. */
  #place(scale, x, y) {
    const { x: left, y: top, width, height } = this.#box;
    this.scale = scale;
    this.x = within(x, left, width, this.width / scale, MARGIN / scale);
    this.y = within(y, top, height, this.height / scale, MARGIN / scale);
    this.#moved();
  }
}

function within(at, start, length, shown, margin) {
  if (shown >= length + 2 * margin) return start + (length - shown) / 2;
  return Math.min(Math.max(at, start - margin), start + length + margin - shown);
}
