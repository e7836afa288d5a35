// How visitors get to a seat: from the house to a section to a seat, by pointer and by keyboard. It moves the camera, the focus
// and the note, and says where the keyboard has come.

import { PITCH } from "../layout.js";
import { SeatLevel, SectionLevel } from "./levels.js";
import { t } from "./messages.js";

/** Screen pixels from the middle of a seat that belong to it: half of what a finger needs. */
const FINGER = 22;
/** Screen pixels between the seats of a section that was opened, at least: by keyboard, and so that a mouse or a finger hits them. */
const [OPENED, OPENED_BY_MOUSE, OPENED_BY_FINGER] = [16, 8, 30];

export class Navigation {
  #camera;
  #grid;
  #tip;
  #pick;
  #say;
  #seats;
  #renderer;

  /** `pick(seat)` is called for the seat that the visitor has chosen, `say(text)` reads something out. */
  constructor(camera, grid, tip, { pick, say }) {
    this.#camera = camera;
    this.#grid = grid;
    this.#tip = tip;
    this.#pick = pick;
    this.#say = say;
    const listen = (name, act) => grid.addEventListener(name, ({ detail }) => act(detail));
    listen("moved", (cell) => this.#reveal(cell));
    listen("pick", (cell) => (grid.level.linear ? this.#open(cell) : pick(cell)));
    listen("back", () => this.#back());
    listen("nearer", () => camera.step(1.5));
    listen("farther", () => camera.step(1 / 1.5));
    grid.element.addEventListener("focusout", () => tip.hide());
  }

  /** Another house. */
  use(seats, renderer) {
    this.#seats = seats;
    this.#renderer = renderer;
  }

  /** Fills the grid with the sections of the house; with its seats, if it is one section. */
  begin() {
    if (this.#seats.count === 0) return;
    if (this.#seats.sections.length > 1) this.#grid.show(new SectionLevel(this.#seats), 0);
    else this.#grid.show(new SeatLevel(this.#seats, 0), this.#seats.entry(0));
  }

  /** The seat with the focus, or -1. */
  get focused() {
    return this.#grid.level && !this.#grid.level.linear && this.#grid.hasFocus ? this.#grid.current : -1;
  }

  // --- Pointer ----------------------------------------------------------------------------------

  tap(px, py, finger) {
    if (!this.#seats) return;
    const at = this.#camera.toPaper(px, py);
    if (!this.#renderer.showsSeats) {
      const section = this.#seats.sections[this.#sectionAt(at, finger)];
      if (section) this.#camera.show(section.box, finger ? OPENED_BY_FINGER : OPENED_BY_MOUSE, at);
      return;
    }
    // The seats are too small for a finger: the first tap zooms in.
    if (finger && !this.#camera.comfortable) return this.#camera.approach(at);
    const seat = this.#nearest(at, finger);
    if (seat < 0) return;
    // From here on the keyboard goes on.
    this.#grid.show(new SeatLevel(this.#seats, this.#seats.section(seat)), seat);
    this.#grid.focus();
    this.#pick(seat);
  }

  /** The seat at a place of the map, or -1; -1 also while sections are shown instead of seats. */
  seatAt(px, py) {
    if (!this.#seats || !this.#renderer.showsSeats) return -1;
    return this.#nearest(this.#camera.toPaper(px, py), false);
  }

  hover(px, py) {
    if (px === undefined || !this.#seats) return this.#tip.hide();
    const at = this.#camera.toPaper(px, py);
    if (this.#renderer.showsSeats) this.#tip.show({ seat: this.#nearest(at, false) });
    else this.#tip.show({ section: this.#renderer.sectionAt(at) });
  }

  /** The section at a point, or -1; a finger need not hit it. */
  #sectionAt(at, finger) {
    const hit = this.#renderer.sectionAt(at);
    if (hit >= 0 || !finger) return hit;
    const seat = this.#nearest(at, true);
    return seat < 0 ? -1 : this.#seats.section(seat);
  }

  /** The gaps between seats belong to the nearest one. */
  #nearest({ x, y }, finger) {
    return this.#seats.index.nearest(x, y, Math.max(PITCH * 0.62, finger ? FINGER / this.#camera.scale : 0));
  }

  // --- Keyboard ---------------------------------------------------------------------------------

  #reveal(cell) {
    const { left, top, right, bottom } = this.#grid.level.place(cell);
    const { linear } = this.#grid.level;
    if (this.#grid.element.querySelector(":focus-visible")) {
      this.#camera.reveal({ x: (left + right) / 2, y: (top + bottom) / 2 }, linear ? 0 : OPENED);
      this.#tip.show(linear ? { section: cell } : { seat: cell });
    }
    this.#renderer.invalidate();
  }

  #open(section) {
    const { box, name, firstRow, lastRow, free } = this.#seats.sections[section];
    const seat = this.#seats.entry(section);
    this.#camera.show(box, OPENED, { x: this.#seats.x[seat], y: this.#seats.y[seat] });
    this.#grid.show(new SeatLevel(this.#seats, section), seat);
    this.#grid.focus();
    this.#say(t("opened", { name, rows: lastRow - firstRow + 1, count: free }));
  }

  #back() {
    const { index } = this.#grid.level.section;
    this.#camera.whole();
    this.#grid.show(new SectionLevel(this.#seats), index);
    this.#grid.focus();
    this.#say(t("back"));
  }
}
