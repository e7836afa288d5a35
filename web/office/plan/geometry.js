// Where the seats of a section are. Pure: it touches no element.
//
// A section of rows is drawn in a frame of its own: its origin is the middle of the front row, x goes to the right and y away
// from the stage. Rows are arcs around one point in front of the section, or straight. The frame is then turned and moved to
// its place. Places are to a hundredth, as the server keeps them.

import { rowNames, seatLabels } from "./labels.js";

/** The usual distance from seat to seat, and from row to row. Nothing on paper depends on it: maps fit a plan to their size. */
export const [SEAT, ROW] = [20, 22];
/** Seats that are nearer than this part of the usual distance are one on the other. */
export const TOUCHING = 0.7;
/** What the API takes at most. */
export const [MOST_ROWS, MOST_IN_ROW, MOST_SEATS] = [300, 1_000, 200_000];
/** Curve is in degrees for a thousand units of length: so sections side by side with the same curve are parts of one arc. */
export const MOST_CURVE = 300;

const ALIGNED = { left: 0, centre: 0.5, right: 1 };
const rounded = (number) => Math.round(number * 100) / 100 + 0;

/** How many seats a row has; the last number of a list is that of all further rows. */
export const seatsIn = ({ seats }, row) => seats[Math.min(row, seats.length - 1)] ?? 0;

/** The radius of the front row; infinite without a curve. */
export const radiusOf = (curve) => (curve > 0 ? 180_000 / (Math.PI * curve) : Infinity);

/**
 * Turns a vector by degrees, clockwise on paper.
 *
 * @returns {[number, number]}
 */
export function turned(x, y, degrees) {
  if (degrees % 360 === 0) return [x, y];
  const angle = (degrees * Math.PI) / 180;
  return [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];
}

/** Aisles that are between two seats of the widest row: places from 1 that one follows. */
function aislesOf({ aisles }, widest) {
  return [...new Set(aisles)].filter((after) => after >= 1 && after < widest).sort((one, other) => one - other);
}

/** Rows of `{ x, y, turn }` in the section's own frame, and the places that gaps follow. */
function frameOf(section) {
  const { rows, align, curve, spacing, rowSpacing } = section;
  const counts = Array.from({ length: rows }, (_, row) => seatsIn(section, row));
  const widest = Math.max(0, ...counts);
  const aisles = aislesOf(section, widest);
  const radius = radiusOf(curve);
  return counts.map((count, row) => {
    const first = (widest - count) * ALIGNED[align];
    const depth = row * rowSpacing;
    const gaps = [];
    const places = Array.from({ length: count }, (_, seat) => {
      const column = first + seat;
      // An aisle is one seat wide, and in every row at the same columns.
      const passed = aisles.filter((after) => after < column + 0.5).length;
      if (seat > 0 && aisles.some((after) => after < column + 0.5 && after >= column - 0.5)) gaps.push(seat);
      const along = (column + 0.5 + passed - (widest + aisles.length) / 2) * spacing;
      if (radius === Infinity) return { x: along, y: depth, turn: 0 };
      const angle = along / (radius + depth);
      return { x: (radius + depth) * Math.sin(angle), y: (radius + depth) * Math.cos(angle) - radius, turn: (-angle * 180) / Math.PI };
    });
    return { places, gaps };
  });
}

/** The part of a seat's id that its row is: the name where it is of the letters of ids. */
const rowId = (name, row) => (/^[A-Za-z0-9_]{1,16}$/.test(name) ? name : `r${row + 1}`);

/** The rows of a section that is drawn by rules: `[{ row, seats: [{ seat, label, x, y, turn }], gaps_after }]`, front first. */
export function drawnRows(section) {
  const names = rowNames(section);
  return frameOf(section).map(({ places, gaps }, row) => {
    const labels = seatLabels(places.length, section);
    const seats = places.map((place, index) => {
      const [x, y] = turned(place.x, place.y, section.rotation);
      const id = `${section.area}.${rowId(names[row], row)}-${labels[index]}`;
      return { seat: id, label: labels[index], x: rounded(section.x + x), y: rounded(section.y + y), turn: place.turn + section.rotation };
    });
    return { row: names[row], seats, gaps_after: gaps };
  });
}

/** The rows of a section whose seats were drawn elsewhere: moved and turned around their middle as a whole. */
function movedRows({ rows, x, y, rotation, origin }) {
  return rows.map(({ row, seats, gaps_after }) => ({
    row,
    gaps_after,
    seats: seats.map((seat) => {
      const [across, down] = rotation === 0 ? [seat.x - origin.x, seat.y - origin.y] : turned(seat.x - origin.x, seat.y - origin.y, rotation);
      return { ...seat, x: rounded(x + across), y: rounded(y + down), turn: rotation };
    }),
  }));
}

/** Sections never change, so each is laid out once. */
const laidOut = new WeakMap();

/** The rows of any section; none of one that is sold by quantity. */
export function rowsOf(section) {
  if (!laidOut.has(section)) laidOut.set(section, section.kind === "rows" ? drawnRows(section) : section.kind === "fixed" ? movedRows(section) : []);
  return laidOut.get(section);
}

/** How many seats a section has. */
export function countOf(section) {
  if (section.kind === "standing") return section.capacity;
  if (section.kind === "fixed") return section.rows.reduce((sum, { seats }) => sum + seats.length, 0);
  return Array.from({ length: section.rows }, (_, row) => seatsIn(section, row)).reduce((sum, seats) => sum + seats, 0);
}

/** The rectangle around points: `{ left, top, right, bottom }`; undefined around none. */
export function around(points) {
  let box;
  for (const { x, y } of points) {
    box ??= { left: x, top: y, right: x, bottom: y };
    if (x < box.left) box.left = x;
    if (x > box.right) box.right = x;
    if (y < box.top) box.top = y;
    if (y > box.bottom) box.bottom = y;
  }
  return box;
}

/** The usual distance from seat to seat in rows of seats. */
export function usualStep(rows) {
  const steps = rows.flatMap(({ seats }) => seats.slice(1).map((seat, index) => Math.hypot(seat.x - seats[index].x, seat.y - seats[index].y)));
  return steps.sort((one, other) => one - other)[steps.length >> 1] || SEAT;
}

/** The pairs of seats that are one on the other, up to `most`. */
export function touching(seats, step, most = 1) {
  const least = step * TOUCHING;
  const squares = new Map();
  const found = [];
  for (const seat of seats) {
    const [column, line] = [Math.floor(seat.x / least), Math.floor(seat.y / least)];
    for (let across = column - 1; across <= column + 1; across += 1) {
      for (let down = line - 1; down <= line + 1; down += 1) {
        for (const other of squares.get(`${across}:${down}`) ?? []) {
          if (Math.hypot(other.x - seat.x, other.y - seat.y) >= least) continue;
          found.push([other, seat]);
          if (found.length >= most) return found;
        }
      }
    }
    const key = `${column}:${line}`;
    const here = squares.get(key);
    if (here) here.push(seat);
    else squares.set(key, [seat]);
  }
  return found;
}
