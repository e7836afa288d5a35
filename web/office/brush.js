// Chooses seats of a map in one stroke: with a mouse, a pen or a finger that is drawn over them, or with Shift and the arrow keys.
//
// A stroke chooses what was not chosen, or the other way round, as its first seat was. A tap of a finger stays the map's. What begins
// between the seats moves the map or the page, as it does without a brush, and so do two fingers: what the first of them has come over
// before the second is as it was again.

/** Pixels that a pointer may move and still click. */
const SLOP = 5;
/** Pixels between the points of a stroke at which seats are looked for: fewer than half a seat where seats are smallest. */
const STEP = 2;

export class Brush {
  #viewport;
  #map;
  #to;
  #isOn = true;
  /** The stroke: where it began and is now, whether it chooses, and what it has changed. */
  #stroke;
  #fingers = 0;
  #swallow = false;

  /**
   * @param {HTMLElement} viewport
   * @param {{ seatAt: (place: { clientX: number, clientY: number }) => string | undefined }} map
   * @param {{ has: (seat: string) => boolean, tap: (seat: string) => void, paint: (seats: string[], on: boolean) => void,
   *   end: () => void }} to `tap` gets the seat that was clicked, `paint` what a stroke has come over; `end` is called when it ends
   */
  constructor(viewport, map, to) {
    this.#viewport = viewport;
    this.#map = map;
    this.#to = to;
    // Before the map: what is drawn over seats does not move it.
    const listen = (name, act) => viewport.addEventListener(name, act, { capture: true, passive: false });
    listen("pointerdown", (event) => this.#down(event));
    listen("pointermove", (event) => this.#move(event));
    listen("pointerup", (event) => this.#up(event));
    listen("pointercancel", () => this.#end());
    listen("click", (event) => {
      if (this.#swallow) event.stopPropagation();
      this.#swallow = false;
    });
    for (const name of ["touchstart", "touchend", "touchcancel"]) listen(name, (event) => this.#count(event));
    listen("touchmove", (event) => {
      if (!this.#isOn || this.#fingers > 1 || !this.#stroke) return;
      // Else the map would follow the finger.
      event.stopPropagation();
      if (event.cancelable) event.preventDefault();
    });
    let from;
    listen("keydown", () => (from = focused()));
    // After the map, which has moved the focus by then.
    viewport.addEventListener("keydown", (event) => this.#key(event, from));
    this.isOn = true;
  }

  get isOn() {
    return this.#isOn;
  }

  /** Off, a finger moves the map. */
  set isOn(isOn) {
    this.#isOn = isOn;
    this.#viewport.classList.toggle("brush", isOn);
    if (!isOn) this.#end();
  }

  #count({ touches }) {
    this.#fingers = touches.length;
    if (touches.length < 2) return;
    if (this.#stroke?.begun) this.#to.paint(this.#stroke.changed, !this.#stroke.on);
    this.#end();
  }

  #down(event) {
    this.#swallow = false;
    if (!this.#isOn || event.button !== 0 || !event.isPrimary) return;
    const seat = this.#map.seatAt(event);
    if (seat === undefined) return;
    this.#stroke = { id: event.pointerId, x: event.clientX, y: event.clientY, on: !this.#to.has(seat), begun: false, changed: [] };
    // A mouse that was let go on a seat clicks there; held, it would move the map.
    if (event.pointerType !== "touch") event.stopPropagation();
  }

  #move(event) {
    const stroke = this.#stroke;
    if (!stroke || event.pointerId !== stroke.id) return;
    if (event.pointerType !== "touch") event.stopPropagation();
    const { clientX: x, clientY: y } = event;
    const far = Math.hypot(x - stroke.x, y - stroke.y);
    if (!stroke.begun && far < SLOP) return;
    if (!stroke.begun) this.#viewport.setPointerCapture(event.pointerId);
    stroke.begun = true;
    const seats = new Set();
    const steps = Math.max(1, Math.ceil(far / STEP));
    for (let step = 0; step <= steps; step += 1) {
      const place = { clientX: stroke.x + ((x - stroke.x) * step) / steps, clientY: stroke.y + ((y - stroke.y) * step) / steps };
      const seat = this.#map.seatAt(place);
      if (seat !== undefined && this.#to.has(seat) !== stroke.on) seats.add(seat);
    }
    Object.assign(stroke, { x, y });
    this.#to.paint([...seats], stroke.on);
    stroke.changed.push(...[...seats].filter((seat) => this.#to.has(seat) === stroke.on));
  }

  #up(event) {
    const stroke = this.#stroke;
    if (!stroke || event.pointerId !== stroke.id) return;
    const isTouch = event.pointerType === "touch";
    // The map has not seen the mouse go down: a click would mean to it what an earlier one meant.
    this.#swallow = stroke.begun || !isTouch;
    if (!isTouch) event.stopPropagation();
    const seat = this.#map.seatAt(event);
    if (!stroke.begun && !isTouch && seat !== undefined) this.#to.tap(seat);
    this.#end();
  }

  #end() {
    const stroke = this.#stroke;
    this.#stroke = undefined;
    if (stroke?.begun) this.#to.end();
  }

  /** The map moves the focus; what it comes from and comes to is chosen. */
  #key(event, from) {
    const to = focused();
    if (!this.#isOn || !event.shiftKey || !/^Arrow/.test(event.key) || from === undefined || to === undefined) return;
    this.#to.paint([from, to], true);
    this.#to.end();
  }
}

/** The seat with the focus. */
const focused = () => /** @type {HTMLElement} */ (document.activeElement)?.dataset.seat;
