// The seats of a large show in typed arrays, with their rows and sections. It knows no element and no pixel.

import { STATES } from "../inventory.js";
import { PITCH } from "../layout.js";
import { parts, title } from "../words.js";
import { placesOf } from "./places.js";
import { SpatialIndex } from "./spatial-index.js";

export const AVAILABLE = STATES.indexOf("available");
/** The look of the visitor's own seats, after those of the states. */
export const MINE = STATES.length;
/** Colours of free seats, by price: the dearest, the next, and so on from the beginning. */
export const TONES = 3;

export class Seats {
  /** By seat: place, angle in radians, state (a number of `STATES`), look (state or `MINE`), tone, row. */
  x;
  y;
  turn;
  state;
  look;
  tone;
  rowOf;
  /** By row: its first seat, and after the last row the number of seats; and its section. */
  rowStart;
  sectionOf;
  /** `{ index, name, firstRow, lastRow, box, free, total, least, most, tone }` */
  sections = [];
  box;
  /** Half the width of the stage; 0 if there is none, or the plan has shapes. */
  half;
  /** What a drawn plan has besides seats, on the paper. */
  shapes;
  index;
  currency;
  #list;
  #byLabel;

  constructor(show, seats, drawn = []) {
    const { list, x, y, turn, box, half, shapes } = placesOf(show.areas, seats, drawn);
    Object.assign(this, { x, y, turn, box, half, shapes, currency: show.currency });
    this.#list = list;
    this.state = new Uint8Array(list.length);
    this.look = new Uint8Array(list.length);
    this.tone = new Uint8Array(list.length);
    this.rowOf = new Uint32Array(list.length);
    this.#divide();
    this.index = new SpatialIndex(x, y, PITCH * 2);
  }

  get count() {
    return this.#list.length;
  }

  get rows() {
    return this.rowStart.length - 1;
  }

  id(seat) {
    return this.#list[seat].seat;
  }

  /** The seat with what is printed on it. */
  named(seat) {
    return this.#list[seat];
  }

  price(seat) {
    return this.#list[seat].price;
  }

  rowName(row) {
    const seat = this.#list[this.rowStart[row]];
    return seat.row ?? parts(seat).row;
  }

  /** The seat with an id, or -1. The table is made when it is first needed: the first paint does without. */
  find(id) {
    this.#byLabel ??= new Map(this.#list.map((seat, index) => [seat.seat, index]));
    return this.#byLabel.get(id) ?? -1;
  }

  section(seat) {
    return this.sectionOf[this.rowOf[seat]];
  }

  isFree(seat) {
    return this.look[seat] === AVAILABLE;
  }

  isMine(seat) {
    return this.look[seat] === MINE;
  }

  /** Says whether it was another state. */
  setState(seat, state) {
    const before = this.state[seat];
    if (before === state) return false;
    this.state[seat] = state;
    if (this.look[seat] !== MINE) this.look[seat] = state;
    const section = this.sections[this.section(seat)];
    if (state === AVAILABLE) section.free += 1;
    if (before === AVAILABLE) section.free -= 1;
    return true;
  }

  setMine(seat, mine) {
    this.look[seat] = mine ? MINE : this.state[seat];
  }

  /** The seat of a row that is nearest to a place. */
  nearestInRow(row, x, y) {
    let [found, least] = [this.rowStart[row], Infinity];
    for (let seat = this.rowStart[row]; seat < this.rowStart[row + 1]; seat += 1) {
      const far = (this.x[seat] - x) ** 2 + (this.y[seat] - y) ** 2;
      if (far < least) [found, least] = [seat, far];
    }
    return found;
  }

  /** Where somebody begins in a section: a free seat in the middle of its first row that has one, else the middle of its first. */
  entry(section) {
    const { firstRow, lastRow } = this.sections[section];
    for (let row = firstRow; row <= lastRow; row += 1) {
      const [start, end] = [this.rowStart[row], this.rowStart[row + 1]];
      const middle = (start + end - 1) >> 1;
      for (let far = 0; far <= end - start; far += 1) {
        for (const seat of [middle + far, middle - far]) if (seat >= start && seat < end && this.isFree(seat)) return seat;
      }
    }
    return (this.rowStart[firstRow] + this.rowStart[firstRow + 1] - 1) >> 1;
  }

  /** Cuts the list into rows and sections. Both are next to each other in it, as the plan has them. */
  #divide() {
    const [starts, sections] = [[], []];
    const prices = new Set();
    for (const { price } of this.#list) prices.add(price);
    const tones = new Map([...prices].sort((a, b) => b - a).map((price, index) => [price, index % TONES]));
    let [row, section, area, key] = [undefined, undefined, undefined, undefined];
    this.#list.forEach((seat, index) => {
      // Printed names, or what the id says: parsing each of them takes longer than comparing beginnings.
      const name = seat.row ?? seat.seat.slice(0, seat.seat.lastIndexOf("-"));
      if (seat.area !== area || name !== row) {
        const own = seat.section ?? parts(seat).section ?? title(seat.area);
        if (own !== key) section = this.#open(own, starts.length, tones.get(seat.price));
        [row, area, key] = [name, seat.area, own];
        starts.push(index);
        sections.push(section);
        this.sections[section].lastRow = starts.length - 1;
      }
      const state = STATES.indexOf(seat.state);
      this.state[index] = this.look[index] = state;
      this.tone[index] = tones.get(seat.price);
      this.rowOf[index] = starts.length - 1;
      this.#count(this.sections[section], index, seat.price, state);
    });
    this.rowStart = Uint32Array.from([...starts, this.#list.length]);
    this.sectionOf = Uint32Array.from(sections);
  }

  #open(name, firstRow, tone) {
    const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
    const index = this.sections.length;
    this.sections.push({ index, name, firstRow, lastRow: firstRow, box, free: 0, total: 0, least: Infinity, most: 0, tone });
    return index;
  }

  #count(section, seat, price, state) {
    const { box } = section;
    const [x, y] = [this.x[seat], this.y[seat]];
    if (x < box.left) box.left = x;
    if (x > box.right) box.right = x;
    if (y < box.top) box.top = y;
    if (y > box.bottom) box.bottom = y;
    section.total += 1;
    section.free += state === AVAILABLE ? 1 : 0;
    if (price < section.least) section.least = price;
    if (price > section.most) section.most = price;
  }
}
