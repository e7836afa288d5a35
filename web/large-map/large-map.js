// The seat map of a large house, with the interface of map.js: seats on a canvas, and an accessible grid over it.

import { calm, h } from "../dom.js";
import { STATES } from "../inventory.js";
import { seatName, spokenMoney, stateName } from "../words.js";
import { Camera } from "./camera.js";
import { Grid } from "./grid.js";
import { t } from "./messages.js";
import { Seats } from "./model.js";
import { Navigation } from "./navigation.js";
import { Pointer } from "./pointer.js";
import { Renderer } from "./renderer.js";
import { Theme } from "./theme.js";
import { Tip } from "./tip.js";

/** The labels of sections have counts, which need not be said as often as they change. */
const COUNTS_MS = 2_000;
const RINGS = { available: "tone-0", locked: "locked", in_process: "in-process", booked: "soft", unavailable: "soft" };

export class LargeMap extends EventTarget {
  /** Whether the map says what was picked; else the page does. */
  says = false;
  #viewport;
  #sheet;
  #canvas = h("canvas", { "aria-hidden": "true" });
  #probe = h("span", { class: "probe", "aria-hidden": "true" });
  #voice = h("p", { class: "voice", "aria-live": "polite" });
  #grid = new Grid();
  #root = h("div", { class: "large-map" }, this.#canvas, this.#grid.element, this.#probe, this.#voice);
  #camera = new Camera(() => this.#renderer?.invalidate(), () => calm.matches);
  #observer = new ResizeObserver(() => this.#measure());
  #theme;
  #tip;
  #pointer;
  #navigation;
  #renderer;
  #seats;
  #mine = new Set();
  #counted = 0;

  constructor(viewport, paper, tip) {
    super();
    this.#viewport = viewport;
    this.#sheet = paper.parentNode;
    this.#sheet.hidden = true;
    paper.replaceChildren();
    viewport.classList.add("large");
    viewport.append(this.#root);
    this.#tip = new Tip(tip, this.#camera, this.#root);
    this.#theme = new Theme(this.#probe);
    this.#theme.addEventListener("changed", () => this.#renderer?.recolour());
    this.#navigation = new Navigation(this.#camera, this.#grid, this.#tip, {
      pick: (seat) => this.#pick(seat),
      say: (text) => this.#say(text),
    });
    this.#pointer = new Pointer(this.#canvas, this.#camera, this.#navigation);
    this.#observer.observe(this.#root);
  }

  get zoom() {
    return this.#camera;
  }

  close() {
    this.#observer.disconnect();
    this.#theme.close();
    this.#pointer.close();
    this.#renderer?.close();
    this.#tip.hide();
    this.#root.remove();
    this.#sheet.hidden = false;
    this.#viewport.classList.remove("large");
    this.#viewport.style.aspectRatio = "";
    delete this.#viewport.dataset.zoomed;
  }

  /** Draws the whole map. */
  draw(show, seats, shapes = []) {
    this.#renderer?.close();
    this.#mine.clear();
    this.#seats = new Seats(show, seats, shapes);
    this.#tip.show(undefined, this.#seats);
    this.#renderer = new Renderer(this.#canvas, this.#seats, this.#camera, this.#theme, t("stage"), () => this.#placed());
    // As wide or high as the house, within reason: nearer, a strip would show too little.
    this.#viewport.style.aspectRatio = String(Math.min(Math.max(this.#seats.box.width / this.#seats.box.height, 0.6), 1.3));
    this.#measure();
    // Once more with the next layout: a page that is not laid out at this moment has another size then, or the one that was reported already.
    this.#observer.unobserve(this.#root);
    this.#observer.observe(this.#root);
    this.#camera.fit(this.#seats.box);
    this.#navigation.use(this.#seats, this.#renderer);
    this.#renderer.invalidate();
    // After the first paint: nobody needs it before.
    const drawn = this.#seats;
    requestAnimationFrame(() => setTimeout(() => drawn === this.#seats && this.#complete()));
  }

  /** What is not laid out has no size, and is not drawn. */
  #measure() {
    const { clientWidth: width, clientHeight: height } = this.#root;
    if (width > 0 && height > 0) this.#camera.resize(width, height);
  }

  #complete() {
    // For benches: the map is on the screen.
    performance.mark("seat-map");
    this.#seats.find("");
    this.#navigation.begin();
  }

  /** Takes over changes: `[{ seat, before }]`. */
  paint(changes) {
    for (const { seat: { seat: id, state }, before } of changes) {
      const seat = this.#seats?.find(id) ?? -1;
      if (seat < 0 || !this.#seats.setState(seat, STATES.indexOf(state))) continue;
      this.#changed(seat);
      if (before !== state) this.#flash(seat, RINGS[state]);
      if (this.#navigation.focused === seat && !this.#seats.isMine(seat)) this.#say(t("became", { seat: seatName(this.#seats.named(seat)), state: stateName(state) }));
    }
    const now = performance.now();
    if (!this.#grid.level?.linear || this.#grid.hasFocus || now - this.#counted < COUNTS_MS) return;
    this.#counted = now;
    this.#grid.updateAll();
  }

  /** Marks the visitor's own seats, chosen or held. */
  mark(ids) {
    const now = new Set(ids);
    const touched = [...this.#mine, ...now].filter((id) => this.#mine.has(id) !== now.has(id));
    this.#mine = now;
    for (const id of touched) {
      const seat = this.#seats?.find(id) ?? -1;
      if (seat < 0) continue;
      this.#seats.setMine(seat, now.has(id));
      this.#changed(seat);
    }
  }

  /** The id of the seat at a place of the window, if seats are shown there. */
  seatAt({ clientX, clientY }) {
    const { left, top } = this.#canvas.getBoundingClientRect();
    const seat = this.#navigation.seatAt(clientX - left, clientY - top);
    return seat < 0 ? undefined : this.#seats.id(seat);
  }

  /** Shows which seat can't be picked. */
  refuse(id) {
    const seat = this.#seats?.find(id) ?? -1;
    if (seat >= 0) this.#flash(seat, "ink");
  }

  /** Lights the seats up, one after the other. */
  celebrate(ids) {
    ids.forEach((id, index) => {
      const seat = this.#seats?.find(id) ?? -1;
      if (seat >= 0) this.#flash(seat, "mine", 120 * index);
    });
  }

  #changed(seat) {
    this.#renderer.changed(seat);
    if (!this.#grid.level?.linear) this.#grid.update(seat);
    this.#tip.renew(seat);
  }

  #flash(seat, colour, later = 0) {
    if (calm.matches || document.hidden || !this.#renderer.showsSeats) return;
    const { left, top, right, bottom } = this.#camera.view;
    const [x, y] = [this.#seats.x[seat], this.#seats.y[seat]];
    if (x < left || x > right || y < top || y > bottom) return;
    this.#renderer.rings.add(x, y, this.#theme.colour(colour), performance.now() + later);
    this.#renderer.invalidate();
  }

  /** After each frame. */
  #placed() {
    this.#grid.place(this.#camera);
    this.#tip.place();
    if (this.#camera.isWhole) delete this.#viewport.dataset.zoomed;
    else this.#viewport.dataset.zoomed = "";
  }

  #say(text) {
    this.#voice.textContent = text;
  }

  #pick(seat) {
    const before = this.#seats.isMine(seat);
    this.dispatchEvent(new CustomEvent("pick", { detail: this.#seats.id(seat) }));
    if (!this.says || before === this.#seats.isMine(seat)) return;
    const values = { seat: seatName(this.#seats.named(seat)), price: spokenMoney(this.#seats.price(seat), this.#seats.currency) };
    this.#say(t(before ? "left_out" : "chosen", values));
  }
}
