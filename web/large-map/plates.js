// Sections as plates with their names and free seats: the overview of the whole house.

import { PITCH } from "../layout.js";
import { number } from "../words.js";
import { outlineOf } from "./outlines.js";

/** How far a plate reaches beyond the middles of its outermost seats. */
const BEYOND = PITCH * 0.75;
const NAME_SIZE = 13;
const COUNT_SIZE = 12;
/** Sides of the pattern of a section without free seats. */
const HATCH = 6;

export class Plates {
  #seats;
  #paths;
  /** Where their names are, and how much room there is. */
  #places;
  #hatch;
  #theme;
  #make;
  #widths = new Map();

  constructor(seats, theme, make) {
    this.#seats = seats;
    this.#theme = theme;
    this.#make = make;
    const outlines = seats.sections.map((section) => outlineOf(seats, section, BEYOND));
    this.#paths = outlines.map(pathOf);
    this.#places = seats.sections.map((section) => placeOf(seats, section));
  }

  /** The colours have changed. */
  refresh() {
    this.#hatch = undefined;
    this.#widths.clear();
  }

  /** Sections whose plates, with so many units around them, touch a rectangle of the paper. */
  within({ left, top, right, bottom }, around = BEYOND) {
    return this.#seats.sections.filter(
      ({ box }) => box.left - around < right && box.right + around > left && box.top - around < bottom && box.bottom + around > top,
    );
  }

  /** The section at a point of the paper, or -1. */
  at(context, x, y) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    return this.#paths.findIndex((path) => context.isPointInPath(path, x, y));
  }

  /** The overview: each plate as full of colour as it has free seats, and hatched without any. */
  drawAll(context, { left, top, right, bottom }, pixel) {
    this.#seats.sections.forEach(({ box, free, total, tone }, index) => {
      if (box.right + BEYOND < left || box.left - BEYOND > right || box.bottom + BEYOND < top || box.top - BEYOND > bottom) return;
      // In a few steps: a section that sells should not flicker.
      const share = free === 0 ? 0 : 0.12 + 0.3 * (Math.ceil((8 * free) / total) / 8);
      this.#plate(context, this.#paths[index], this.#theme.mix(`tone-${tone}`, "card", share), pixel);
      if (free > 0) return;
      context.fillStyle = this.#hatched(context, pixel);
      context.fill(this.#paths[index]);
    });
  }

  /** Names and numbers of free seats, where they fit. The context's unit is a CSS pixel, `place` leads to it. */
  write(context, place, scale) {
    this.#seats.sections.forEach((section, index) => {
      const { name, free } = section;
      const { x: across, y: down, width: wide, height: high } = this.#places[index];
      const [width, height] = [wide * scale, high * scale];
      const { x, y } = place(across, down);
      const count = number(free);
      const both = height > NAME_SIZE + COUNT_SIZE + 4;
      if (height < COUNT_SIZE || !this.#fits(context, count, COUNT_SIZE, 500, width)) return;
      // "Block 112" is known by its last word as well.
      const shown = both ? [name, name.slice(name.lastIndexOf(" ") + 1)].find((text) => this.#fits(context, text, NAME_SIZE, 650, width)) : undefined;
      context.fillStyle = this.#theme.colour("ink");
      if (shown) {
        context.font = this.#theme.font(NAME_SIZE, 650);
        context.fillText(shown, x, y - COUNT_SIZE / 2 - 1);
      }
      context.font = this.#theme.font(COUNT_SIZE, 500);
      context.fillText(count, x, shown ? y + NAME_SIZE / 2 + 1 : y);
    });
  }

  #plate(context, path, fill, pixel) {
    context.fillStyle = fill;
    context.fill(path);
    context.strokeStyle = this.#theme.colour("line");
    context.lineWidth = 1.5 * pixel;
    context.stroke(path);
  }

  #hatched(context, pixel) {
    if (!this.#hatch) {
      const picture = this.#make(HATCH, HATCH);
      const lines = picture.getContext("2d");
      lines.strokeStyle = this.#theme.colour("booked");
      lines.globalAlpha = 0.6;
      lines.lineWidth = 1;
      // Twice beyond its corners, so that the lines meet those of the next square.
      for (const at of [-HATCH, 0, HATCH]) {
        lines.moveTo(at, HATCH);
        lines.lineTo(at + HATCH, 0);
      }
      lines.stroke();
      this.#hatch = context.createPattern(picture, "repeat");
    }
    this.#hatch.setTransform(new DOMMatrix([pixel, 0, 0, pixel, 0, 0]));
    return this.#hatch;
  }

  #fits(context, text, size, weight, width) {
    const key = `${text}|${size}`;
    let known = this.#widths.get(key);
    if (known === undefined) {
      context.font = this.#theme.font(size, weight);
      known = context.measureText(text).width;
      // Counts change all the time.
      if (this.#widths.size > 4_000) this.#widths.clear();
      this.#widths.set(key, known);
    }
    return known <= width;
  }
}

function pathOf(points) {
  const path = new Path2D();
  points.forEach(([x, y], index) => (index === 0 ? path.moveTo(x, y) : path.lineTo(x, y)));
  path.closePath();
  return path;
}

/** The middle seat of the middle row, and how far the section reaches from left to right and from top to bottom there. */
function placeOf({ x, y, rowStart }, { firstRow, lastRow }) {
  const middle = (row) => (rowStart[row] + rowStart[row + 1] - 1) >> 1;
  const row = (firstRow + lastRow) >> 1;
  const [seat, left, right] = [middle(row), rowStart[row], rowStart[row + 1] - 1];
  const [dx, dy] = [x[right] - x[left], y[right] - y[left]];
  const along = Math.hypot(dx, dy) + PITCH;
  const deep = Math.hypot(x[middle(lastRow)] - x[middle(firstRow)], y[middle(lastRow)] - y[middle(firstRow)]) + PITCH;
  // A rectangle that is turned.
  const [cos, sin] = [Math.max(Math.abs(dx) / along, 0.01), Math.max(Math.abs(dy) / along, 0.01)];
  return { x: x[seat], y: y[seat], width: Math.min(along / cos, deep / sin), height: Math.min(deep / cos, along / sin) };
}
