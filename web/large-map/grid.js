// The accessible grid over the canvas (WAI-ARIA APG, roving tabindex). It has elements for the cells around the current one
// only; their numbers of row and column say where they are in the whole table.
//
// The cell with the focus lies over what it means, so that outlines and magnifying glasses find it. The pointer goes through.

import { h } from "../dom.js";
import { PITCH } from "../layout.js";

/** Rows and columns around the current cell that have elements; more rows of a table of one column. */
const [ROWS_AROUND, COLUMNS_AROUND, LINES_AROUND] = [6, 20, 60];
const PAGE = 10;
const TYPING_MS = 1_200;

export class Grid extends EventTarget {
  element = h("div", { class: "cells", role: "grid", part: "map", "aria-multiselectable": "true" });
  #level;
  #at = { row: 0, column: 0 };
  /** By cell of the level: its element. */
  #cells = new Map();
  #shown = { top: 0, bottom: -1, left: 0, right: -1 };
  #typed = "";
  #typedAt = -Infinity;

  constructor() {
    super();
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("focusin", ({ target }) => this.#focused(target));
  }

  get level() {
    return this.#level;
  }

  /** The current cell. */
  get current() {
    return this.#level?.cell(this.#at.row, this.#at.column);
  }

  get hasFocus() {
    return this.element.getRootNode().activeElement?.parentNode?.parentNode === this.element;
  }

  /** Shows a table, with a cell of it as the current one. */
  show(level, cell) {
    this.#level = level;
    this.element.setAttribute("aria-label", level.label);
    this.element.setAttribute("aria-rowcount", level.rows);
    this.element.setAttribute("aria-colcount", level.columns);
    this.#build(level.find(cell));
  }

  /** The cell means something else now. */
  update(cell) {
    const element = this.#cells.get(cell);
    if (element) this.#describe(element, cell);
  }

  updateAll() {
    for (const [cell, element] of this.#cells) this.#describe(element, cell);
  }

  focus() {
    this.#cells.get(this.current)?.focus({ preventScroll: true });
  }

  /** Puts the cell with the focus over what it means. */
  place(camera) {
    if (!this.hasFocus) return;
    const { left, top, right, bottom } = this.#level.place(this.current);
    const half = PITCH / 2;
    const [from, to] = [camera.toWindow(left - half, top - half), camera.toWindow(right + half, bottom + half)];
    const { style } = this.#cells.get(this.current);
    style.transform = `translate(${from.x.toFixed(1)}px, ${from.y.toFixed(1)}px)`;
    style.width = `${Math.max(6, to.x - from.x)}px`;
    style.height = `${Math.max(6, to.y - from.y)}px`;
  }

  // --- Elements ---------------------------------------------------------------------------------

  #build({ row, column }) {
    this.#at = { row, column };
    const around = this.#level.linear ? LINES_AROUND : ROWS_AROUND;
    const [top, bottom] = [Math.max(0, row - around), Math.min(this.#level.rows - 1, row + around)];
    const [left, right] = [Math.max(0, column - COLUMNS_AROUND), column + COLUMNS_AROUND];
    this.#shown = { top, bottom, left, right };
    this.#cells.clear();
    const rows = [];
    for (let at = top; at <= bottom; at += 1) {
      const cells = [];
      for (let place = left; place <= Math.min(right, this.#level.length(at) - 1); place += 1) {
        const cell = this.#level.cell(at, place);
        const element = h("div", { role: "gridcell", tabindex: "-1", "aria-colindex": place + 1 });
        this.#describe(element, cell);
        this.#cells.set(cell, element);
        cells.push(element);
      }
      rows.push(h("div", { role: "row", "aria-rowindex": at + 1, "aria-label": this.#level.rowLabel(at) }, cells));
    }
    this.element.replaceChildren(...rows);
    this.#cells.get(this.current)?.setAttribute("tabindex", "0");
  }

  #describe(element, cell) {
    const { label, data, mine, disabled } = this.#level.attributes(cell);
    element.setAttribute("aria-label", label);
    Object.assign(element.dataset, data);
    if (mine === undefined) return;
    element.setAttribute("aria-selected", String(mine));
    element.setAttribute("aria-disabled", String(disabled));
    element.classList.toggle("mine", mine);
  }

  // --- Moving -----------------------------------------------------------------------------------

  /** Makes a cell the current one, with the focus. */
  #go(row, column) {
    const before = this.#cells.get(this.current);
    const { top, bottom, left, right } = this.#shown;
    // One cell before the edge: a screen reader that looks ahead should find something.
    const inside = (at, from, to, last) => (at > from || at === 0) && at < (last <= to ? last + 1 : to);
    const near = inside(row, top, bottom, this.#level.rows - 1) && inside(column, left, right, this.#level.length(row) - 1);
    if (near) {
      before?.setAttribute("tabindex", "-1");
      this.#at = { row, column };
    } else {
      this.#build({ row, column });
    }
    this.update(this.current);
    this.#cells.get(this.current).setAttribute("tabindex", "0");
    this.focus();
  }

  #focused(target) {
    const found = [...this.#cells].find(([, element]) => element === target);
    if (!found) return;
    const [cell] = found;
    if (cell !== this.current) {
      this.#cells.get(this.current)?.setAttribute("tabindex", "-1");
      this.#at = this.#level.find(cell);
      target.setAttribute("tabindex", "0");
    }
    this.dispatchEvent(new CustomEvent("moved", { detail: cell }));
  }

  #key(event) {
    if (!this.#level || event.altKey || event.metaKey) return;
    const act = event.ctrlKey ? this.#far(event.key) : (this.#near(event.key) ?? this.#typing(event));
    if (!act) return;
    event.preventDefault();
    act();
  }

  /** Keys with "ctrl": to the first and the last cell of the table. */
  #far(key) {
    const last = this.#level.rows - 1;
    return { Home: () => this.#go(0, 0), End: () => this.#go(last, this.#level.length(last) - 1) }[key];
  }

  #near(key) {
    const { row, column } = this.#at;
    const { linear } = this.#level;
    const last = this.#level.length(row) - 1;
    const along = (step) => () => (linear ? this.#row(row + step) : this.#go(row, Math.min(Math.max(column + step, 0), last)));
    return {
      ArrowLeft: along(-1),
      ArrowRight: along(1),
      ArrowUp: () => this.#row(row - 1),
      ArrowDown: () => this.#row(row + 1),
      PageUp: () => this.#row(row - PAGE),
      PageDown: () => this.#row(row + PAGE),
      Home: () => (linear ? this.#row(0) : this.#go(row, 0)),
      End: () => (linear ? this.#row(this.#level.rows - 1) : this.#go(row, last)),
      Enter: () => this.#tell("pick"),
      " ": () => this.#tell("pick"),
      "+": () => this.#tell("nearer"),
      "-": () => this.#tell("farther"),
      // In a dialog it has another meaning as well, so it is only taken where it leads back.
      Escape: linear || !this.#level.leads ? undefined : () => this.#tell("back"),
    }[key];
  }

  #row(wanted) {
    const row = Math.min(Math.max(wanted, 0), this.#level.rows - 1);
    this.#go(row, row === this.#at.row ? this.#at.column : this.#level.beside(row, this.current));
  }

  /** Letters and digits lead to what begins with them. */
  #typing({ key, timeStamp }) {
    if (key.length !== 1 || !/[\p{L}\p{N}]/u.test(key)) return undefined;
    this.#typed = timeStamp - this.#typedAt < TYPING_MS ? this.#typed + key.toLowerCase() : key.toLowerCase();
    this.#typedAt = timeStamp;
    const row = this.#level.match(this.#typed);
    return row < 0 ? () => {} : () => this.#row(row);
  }

  #tell(name) {
    this.dispatchEvent(new CustomEvent(name, { detail: this.current }));
  }
}
