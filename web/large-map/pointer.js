// Mouse, finger and pen: drag, wheel, pinch, tap and hover. It moves the camera, and reports the rest in pixels of the window.

/** Pixels that a pointer may move and still be a click. */
const SLOP = 5;
/** A wheel that scrolls the page goes on doing so over the map, unless it paused for so long. */
const PAUSE_MS = 300;

export class Pointer {
  #element;
  #camera;
  #dragged = false;
  #closing = new AbortController();

  /** `to.tap(x, y, finger)` is called for a click, `to.hover(x, y)` for a mouse that moves, and without arguments when it leaves. */
  constructor(element, camera, to) {
    this.#element = element;
    this.#camera = camera;
    this.#drag();
    this.#touch();
    this.#wheel();
    this.#listen("click", (event) => {
      if (this.#dragged) return;
      const { x, y } = this.#at(event);
      to.hover();
      to.tap(x, y, event.pointerType === "touch" || event.pointerType === "pen");
    });
    this.#listen("pointermove", (event) => {
      if (event.pointerType !== "mouse") return;
      const { x, y } = this.#at(event);
      if (event.buttons === 0) to.hover(x, y);
      else if (this.#dragged) to.hover();
    });
    this.#listen("pointerleave", () => to.hover());
  }

  close() {
    this.#closing.abort();
  }

  #listen(name, act, options = {}) {
    this.#element.addEventListener(name, act, { ...options, signal: this.#closing.signal });
  }

  #at({ clientX, clientY }) {
    const { left, top } = this.#element.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  #drag() {
    let from;
    this.#listen("pointerdown", (event) => {
      this.#dragged = false;
      if (event.pointerType !== "touch" && event.button === 0) from = { id: event.pointerId, ...this.#at(event) };
    });
    this.#listen("pointermove", (event) => {
      if (event.pointerId !== from?.id) return;
      const { x, y } = this.#at(event);
      if (!this.#dragged && Math.hypot(x - from.x, y - from.y) < SLOP) return;
      // Only then: a captured pointer clicks on nothing else.
      if (!this.#dragged) this.#element.setPointerCapture(event.pointerId);
      this.#dragged = true;
      this.#camera.pan(x - from.x, y - from.y);
      from = { id: from.id, x, y };
    });
    for (const name of ["pointerup", "pointercancel"]) this.#listen(name, () => (from = undefined));
  }

  /** One finger moves a map that is zoomed in, else the page; two fingers zoom. */
  #touch() {
    let last;
    const fingers = (touches) => {
      const points = [...touches].slice(0, 2).map((touch) => this.#at(touch));
      const [a, b = a] = points;
      return { count: points.length, apart: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
    };
    this.#listen("touchstart", ({ touches }) => {
      if (touches.length === 1) this.#dragged = false;
      last = fingers(touches);
    });
    this.#listen(
      "touchmove",
      (event) => {
        const now = fingers(event.touches);
        if (!last || now.count !== last.count) return (last = now);
        if (now.count === 1 && this.#camera.isWhole) return;
        if (!this.#dragged && now.count === 1 && Math.hypot(now.x - last.x, now.y - last.y) < SLOP) return;
        // Else the browser would scroll or zoom the page.
        if (event.cancelable) event.preventDefault();
        this.#dragged = true;
        this.#camera.pan(now.x - last.x, now.y - last.y);
        if (now.count === 2 && last.apart > 0) this.#camera.around(now.apart / last.apart, now.x, now.y);
        last = now;
      },
      { passive: false },
    );
    this.#listen("touchend", ({ touches }) => (last = touches.length > 0 ? fingers(touches) : undefined));
  }

  #wheel() {
    let scrolled = -Infinity;
    window.addEventListener(
      "wheel",
      (event) => {
        if (!event.composedPath().includes(this.#element)) scrolled = event.timeStamp;
      },
      { passive: true, signal: this.#closing.signal },
    );
    this.#listen(
      "wheel",
      (event) => {
        // Trackpads send pinches with "ctrl".
        const pinch = event.ctrlKey;
        const outwards = event.deltaY > 0 && this.#camera.isWhole;
        if (!pinch && (outwards || event.timeStamp - scrolled < PAUSE_MS)) return (scrolled = event.timeStamp);
        event.preventDefault();
        // Lines and pages of a wheel that counts in these, as pixels.
        const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
        const { x, y } = this.#at(event);
        this.#camera.around(Math.exp(-Math.min(Math.max(pixels, -240), 240) / (pinch ? 160 : 400)), x, y);
      },
      { passive: false },
    );
  }
}
