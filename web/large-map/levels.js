// The two tables that a keyboard or a screen reader steps through: the sections of the house, and the seats of a section. The
// grid shows either; here is what their cells are and say.

import { STATES } from "../inventory.js";
import { seatName, spokenMoney, stateName as nameOf } from "../words.js";
import { MINE } from "./model.js";
import { t } from "./messages.js";

const stateName = (look) => (look === MINE ? t("yours") : nameOf(STATES[look]));

/** One row with one cell for each section. */
export class SectionLevel {
  /** Arrows to the left and right step through its rows, too. */
  linear = true;
  label = t("sections");
  #seats;

  constructor(seats) {
    this.#seats = seats;
  }

  get rows() {
    return this.#seats.sections.length;
  }

  get columns() {
    return 1;
  }

  length() {
    return 1;
  }

  cell(row) {
    return row;
  }

  /** The place of a section in the table. */
  find(section) {
    return { row: section, column: 0 };
  }

  beside() {
    return 0;
  }

  rowLabel(row) {
    return this.#seats.sections[row].name;
  }

  attributes(section) {
    const { name, least, free, total } = this.#seats.sections[section];
    const values = { name, price: spokenMoney(least, this.#seats.currency), count: free, total };
    return { label: t(free > 0 ? "section" : "section_full", values), data: { section: String(section) } };
  }

  /** The first section whose name, or a word of it, begins with a text. */
  match(text) {
    const begins = (name) => name.toLowerCase().split(/[\s-]+/).some((word) => word.startsWith(text)) || name.toLowerCase().startsWith(text);
    return this.#seats.sections.findIndex(({ name }) => begins(name));
  }

  /** The part of the paper that a section takes. */
  place(section) {
    return this.#seats.sections[section].box;
  }
}

/** The rows of a section, with a cell for each seat. */
export class SeatLevel {
  linear = false;
  columns;
  #seats;
  #section;

  constructor(seats, section) {
    this.#seats = seats;
    this.#section = seats.sections[section];
    this.label = t(seats.sections.length > 1 ? "seats" : "seats_only", { section: this.#section.name });
    this.columns = 0;
    /** Whether there is a table of sections to go back to. */
    this.leads = seats.sections.length > 1;
    for (let row = 0; row < this.rows; row += 1) this.columns = Math.max(this.columns, this.length(row));
  }

  get section() {
    return this.#section;
  }

  get rows() {
    return this.#section.lastRow - this.#section.firstRow + 1;
  }

  length(row) {
    const { rowStart } = this.#seats;
    return rowStart[this.#section.firstRow + row + 1] - rowStart[this.#section.firstRow + row];
  }

  cell(row, column) {
    return this.#seats.rowStart[this.#section.firstRow + row] + column;
  }

  find(seat) {
    const row = this.#seats.rowOf[seat];
    return { row: row - this.#section.firstRow, column: seat - this.#seats.rowStart[row] };
  }

  /** The column of another row that is nearest to a seat. */
  beside(row, seat) {
    const other = this.#section.firstRow + row;
    return this.#seats.nearestInRow(other, this.#seats.x[seat], this.#seats.y[seat]) - this.#seats.rowStart[other];
  }

  rowLabel(row) {
    return t("row", { section: this.#section.name, row: this.#seats.rowName(this.#section.firstRow + row) });
  }

  attributes(seat) {
    const look = this.#seats.look[seat];
    const label = t("seat", { seat: seatName(this.#seats.named(seat)), price: spokenMoney(this.#seats.price(seat), this.#seats.currency), state: stateName(look) });
    const data = { seat: this.#seats.id(seat), state: STATES[this.#seats.state[seat]] };
    return { label, data, mine: look === MINE, disabled: look !== MINE && !this.#seats.isFree(seat) };
  }

  /** The row with a name, or the first whose name begins so. */
  match(text) {
    const names = Array.from({ length: this.rows }, (_, row) => this.#seats.rowName(this.#section.firstRow + row).toLowerCase());
    const exact = names.indexOf(text);
    return exact >= 0 ? exact : names.findIndex((name) => name.startsWith(text));
  }

  place(seat) {
    const [x, y] = [this.#seats.x[seat], this.#seats.y[seat]];
    return { left: x, top: y, right: x, bottom: y };
  }
}
