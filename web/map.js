// Draws the seat map and takes input from mouse, finger and keyboard.

import { calm, h, s } from "./dom.js";
import { layOut, PITCH } from "./layout.js";
import { t } from "./map-messages.js";
import { outline } from "./shapes.js";
import { money, seatName, spokenMoney, stateName, title } from "./words.js";
import { Zoom } from "./zoom.js";

/** Rings that can light up at once. Beyond that many changes a second nobody sees single ones. */
const RINGS = 40;

export class SeatMap extends EventTarget {
  #viewport;
  #paper;
  #tip;
  #zoom;
  /** By label: its place and its element. */
  #seats = new Map();
  /** Rows from front to back, each from left to right: where the arrow keys go. */
  #rows = [];
  /** Places by square of the paper, to find the seat nearest to the pointer. */
  #squares = new Map();
  #mine = new Set();
  #rings = [];
  #ring = 0;
  #current;
  #box;
  #currency;

  constructor(viewport, paper, tip) {
    super();
    this.#viewport = viewport;
    this.#paper = paper;
    this.#tip = tip;
    this.#zoom = new Zoom(viewport, paper);
    // Above the drawing and not in it: they move without repainting the seats.
    this.#rings = Array.from({ length: RINGS }, () => h("i", { class: "ring", "aria-hidden": "true" }));
    paper.parentNode.append(...this.#rings);
    this.#listenToPointer();
    this.#listenToKeys();
  }

  get zoom() {
    return this.#zoom;
  }

  /** Listens to nothing outside of itself any more. */
  close() {
    this.#zoom.close();
  }

  /** Draws the whole map. */
  draw(show, seats, shapes = []) {
    const { box, places, ends, names, stage, shapes: placed } = layOut(show.areas, seats, shapes);
    this.#box = box;
    this.#currency = show.currency;
    this.#seats.clear();
    this.#squares.clear();
    this.#rows = [];
    const tones = new Map(names.map(({ area }, index) => [area, index % 3]));
    const groups = new Map();

    for (const place of places) {
      const path = s("path", {
        class: "seat",
        role: "gridcell",
        tabindex: "-1",
        data: { seat: place.seat },
      });
      const seat = { ...place, path, rowIndex: 0, index: 0 };
      const key = `${place.area}|${place.row}`;
      if (!groups.has(key)) {
        const label = t("row", { area: place.section ?? title(place.area), row: place.row });
        groups.set(key, { seats: [], element: s("g", { role: "row", class: `tone-${tones.get(place.area)}`, "aria-label": label }) });
        this.#rows.push(groups.get(key).seats);
      }
      const group = groups.get(key);
      seat.rowIndex = this.#rows.length - 1;
      seat.index = group.seats.length;
      group.seats.push(seat);
      group.element.append(path);
      this.#seats.set(place.seat, seat);
      this.#square(place.x, place.y, true).push(seat);
      this.#look(seat);
    }

    const letters = ends.map(({ row, x, y, turn }) =>
      s("text", { class: "row", transform: `translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${turn.toFixed(2)})`, dy: "0.35em" }, row),
    );
    const titles = names.map(({ area, section = title(area), price, x, y }) =>
      s("text", { class: `area tone-${tones.get(area)}`, x, y, dy: "0.35em" }, section, s("tspan", { class: "price", dx: "0.6em" }, money(price, show.currency))),
    );
    this.#paper.setAttribute("viewBox", `${box.x} ${box.y} ${box.width} ${box.height}`);
    this.#paper.replaceChildren(
      s("g", { "aria-hidden": "true" }, stage.half > 0 && drawStage(stage.half), ...placed.map(drawShape), ...titles, ...letters),
      ...[...groups.values()].map((group) => group.element),
    );
    this.#current = this.#rows[0]?.[0];
    this.#current?.path.setAttribute("tabindex", "0");
    this.#zoom.fit(box);
  }

  /** Takes over changes: `[{ seat, before }]`. */
  paint(changes) {
    for (const { seat: { seat: label, state }, before } of changes) {
      const seat = this.#seats.get(label);
      if (!seat || seat.state === state) continue;
      seat.state = state;
      this.#look(seat);
      if (before !== state) this.#flash(seat);
    }
  }

  /** Marks the visitor's own seats, chosen or held. */
  mark(labels) {
    const now = new Set(labels);
    const touched = [...this.#mine, ...now].filter((label) => this.#mine.has(label) !== now.has(label));
    this.#mine = now;
    for (const label of touched) if (this.#seats.has(label)) this.#look(this.#seats.get(label));
  }

  /** Shakes a seat that can't be picked. */
  refuse(label) {
    const seat = this.#seats.get(label);
    if (!seat || calm.matches) return;
    const swing = [0, -3, 3, -2, 2, 0].map((x) => ({ transform: `translateX(${x}px)` }));
    seat.path.animate(swing, { duration: 350 });
  }

  /** Lights the seats up, one after the other. */
  celebrate(labels) {
    labels.forEach((label, index) => {
      const seat = this.#seats.get(label);
      if (seat) setTimeout(() => this.#flash(seat), 120 * index);
    });
  }

  #look(seat) {
    const { path, state } = seat;
    const mine = this.#mine.has(seat.seat);
    path.setAttribute("d", outline(mine ? "mine" : state, seat));
    path.dataset.state = state;
    path.classList.toggle("mine", mine);
    path.setAttribute("aria-selected", String(mine));
    path.setAttribute("aria-disabled", String(!mine && state !== "available"));
    path.setAttribute("aria-label", `${seatName(seat)}, ${spokenMoney(seat.price, this.#currency)}, ${stateName(mine ? "mine" : state)}`);
    if (seat === this.#tipSeat) this.#showTip(seat);
  }

  #flash(seat) {
    if (calm.matches || document.hidden) return;
    const ring = this.#rings[this.#ring++ % RINGS];
    const { x, y, width, height } = this.#box;
    ring.style.left = `${((seat.x - x) / width) * 100}%`;
    ring.style.top = `${((seat.y - y) / height) * 100}%`;
    ring.dataset.state = seat.state;
    ring.animate(
      [
        { transform: "translate(-50%, -50%) scale(0.5)", opacity: 0.9 },
        { transform: "translate(-50%, -50%) scale(1.5)", opacity: 0 },
      ],
      { duration: 750, easing: "cubic-bezier(0.1, 0.7, 0.3, 1)" },
    );
  }

  // --- Pointer ----------------------------------------------------------------------------------

  #square(x, y, make) {
    const key = `${Math.floor(x / PITCH)}:${Math.floor(y / PITCH)}`;
    if (make && !this.#squares.has(key)) this.#squares.set(key, []);
    return this.#squares.get(key) ?? [];
  }

  /** The id of the seat at a place of the window, if there is one. */
  seatAt(place) {
    return this.#nearest(place)?.seat;
  }

  /** The seat at a place of the window. The gaps between seats belong to the nearest one. */
  #nearest({ clientX, clientY }) {
    if (!this.#box) return undefined;
    const paper = this.#paper.getBoundingClientRect();
    const scale = this.#box.width / paper.width;
    const x = this.#box.x + (clientX - paper.left) * scale;
    const y = this.#box.y + (clientY - paper.top) * scale;
    let found;
    let least = PITCH * 0.62;
    for (let dx = -1; dx <= 1; dx += 1) {
      for (let dy = -1; dy <= 1; dy += 1) {
        for (const seat of this.#square(x + dx * PITCH, y + dy * PITCH)) {
          const far = Math.hypot(seat.x - x, seat.y - y);
          if (far < least) [found, least] = [seat, far];
        }
      }
    }
    return found;
  }

  #listenToPointer() {
    this.#paper.addEventListener("click", (event) => {
      if (this.#zoom.dragged) return;
      const seat = this.#nearest(event);
      // On a small screen the seats of the whole map are too small to hit: the first tap zooms in.
      const finger = event.pointerType === "touch" || event.pointerType === "pen";
      if (finger && !this.#zoom.comfortable) return this.#zoom.approach(event.clientX, event.clientY);
      if (seat) this.#pick(seat);
    });
    this.#paper.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") this.#showTip(this.#nearest(event));
    });
    this.#paper.addEventListener("pointerleave", () => this.#showTip(undefined));
    this.#viewport.addEventListener("scroll", () => this.#showTip(undefined), { passive: true });
  }

  #pick(seat) {
    this.#makeCurrent(seat);
    this.dispatchEvent(new CustomEvent("pick", { detail: seat.seat }));
  }

  #tipSeat;
  #showTip(seat) {
    this.#tipSeat = seat;
    this.#tip.hidden = !seat;
    this.#paper.classList.toggle("over", Boolean(seat) && (seat.state === "available" || this.#mine.has(seat.seat)));
    if (!seat) return;
    const mine = this.#mine.has(seat.seat);
    const [name, fact] = this.#tip.children;
    name.textContent = seatName(seat);
    fact.textContent = !mine && seat.state === "available" ? money(seat.price, this.#currency) : stateName(mine ? "mine" : seat.state);
    const at = seat.path.getBoundingClientRect();
    const frame = this.#tip.offsetParent.getBoundingClientRect();
    const half = this.#tip.offsetWidth / 2;
    const x = Math.min(Math.max(at.left + at.width / 2 - frame.left, half + 4), frame.width - half - 4);
    this.#tip.style.transform = `translate(${x - half}px, ${at.top - frame.top - this.#tip.offsetHeight - 8}px)`;
  }

  // --- Keyboard ---------------------------------------------------------------------------------

  /** One seat at a time can be tabbed to; from there on the arrow keys lead to all others. */
  #listenToKeys() {
    this.#paper.addEventListener("keydown", (event) => {
      // The focused seat, which need not be the one that was used last: screen readers and scripts can
      // focus any of them.
      const seat = this.#seats.get(event.target.dataset.seat) ?? this.#current;
      if (!seat || event.altKey || event.ctrlKey || event.metaKey) return;
      const row = this.#rows[seat.rowIndex];
      const step = {
        ArrowLeft: () => row[seat.index - 1],
        ArrowRight: () => row[seat.index + 1],
        ArrowUp: () => beside(this.#rows[seat.rowIndex - 1], seat),
        ArrowDown: () => beside(this.#rows[seat.rowIndex + 1], seat),
        Home: () => row[0],
        End: () => row.at(-1),
        Enter: () => this.#pick(seat),
        " ": () => this.#pick(seat),
      }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = step();
      if (next) this.#makeCurrent(next, true);
    });
    this.#paper.addEventListener("focusin", (event) => {
      const seat = this.#seats.get(event.target.dataset.seat);
      if (seat) this.#makeCurrent(seat);
      if (seat && seat.path.matches(":focus-visible")) this.#showTip(seat);
    });
    this.#paper.addEventListener("focusout", () => this.#showTip(undefined));
  }

  #makeCurrent(seat, focus) {
    this.#current?.path.setAttribute("tabindex", "-1");
    this.#current = seat;
    seat.path.setAttribute("tabindex", "0");
    if (focus) {
      this.#zoom.show(seat);
      seat.path.focus({ preventScroll: true });
    }
  }
}

/** The seat of another row that is nearest to this one's column. */
function beside(row, { x }) {
  return row?.reduce((best, seat) => (Math.abs(seat.x - x) < Math.abs(best.x - x) ? seat : best));
}

/** What a plan has besides seats: its stage, a bar, the outline of an area without numbers. */
export function drawShape({ shape, x, y, scale, width = 0, height = 0, rotation = 0, points = [], text, area }) {
  const [w, h] = [width * scale, height * scale];
  const ellipse = () => s("ellipse", { rx: w / 2, ry: h / 2 });
  const body = {
    rectangle: () => s("rect", { x: -w / 2, y: -h / 2, width: w, height: h, rx: Math.min(w, h) / 12 }),
    circle: ellipse,
    ellipse,
    polygon: () => s("polygon", { points: points.map(([px, py]) => `${px * scale} ${py * scale}`).join(",") }),
  }[shape];
  const name = text ?? (area && title(area));
  return s("g", { class: "shape", transform: `translate(${x.toFixed(2)} ${y.toFixed(2)}) rotate(${rotation})` }, body?.(), name && s("text", { dy: "0.35em" }, name));
}

function drawStage(half) {
  const front = `M${-half} 14H${half}L${half * 0.94} 44Q0 76 ${-half * 0.94} 44Z`;
  // What the stage lights reach: a hint of where the front is.
  const fade = s(
    "radialGradient",
    { id: "light" },
    s("stop", { offset: 0, class: "light-near" }),
    s("stop", { offset: 1, class: "light-far" }),
  );
  return s(
    "g",
    { class: "stage" },
    s("defs", null, fade),
    s("ellipse", { cy: 60, rx: half * 1.6, ry: 330, fill: "url(#light)" }),
    s("path", { class: "boards", d: front }),
    s("text", { y: 41 }, t("stage")),
  );
}
