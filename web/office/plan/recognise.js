// Finds the rules that a section was drawn by in the places of its seats. A plan keeps seats and not rules, so that one that is
// opened again, or was drawn by another program, can be changed by its rules as well, where it follows some.
//
// The rules are guessed from a few seats, and hold only if they draw every seat where it is.

import { drawnRows, radiusOf, ROW, SEAT, turned } from "./geometry.js";
import { ruleOfRows, ruleOfSeats } from "./labels.js";

/** The steps in which the editor keeps distances; turns and curves are whole degrees. */
const STEP = 0.5;
const EXACT = 0.011;
const stepped = (number) => Math.round(number / STEP) * STEP;
const far = (one, other) => Math.hypot(one.x - other.x, one.y - other.y);
const middle = (one, other) => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });

/**
 * The section that draws exactly these rows; undefined if no rule is found.
 *
 * @param {{ area: string, rows: { row: string, seats: { seat: string, label: string, x: number, y: number }[], gaps_after?: number[] }[] }} drawn
 */
export function recognise({ area, rows }) {
  const numbers = ruleOfSeats(rows.map(({ seats }) => seats.map(({ label }) => label)));
  if (!numbers) return undefined;
  const widest = rows.reduce((best, { seats }, row) => (seats.length > rows[best].seats.length ? row : best), 0);
  const counts = rows.map(({ seats }) => seats.length);
  const rules = {
    kind: "rows",
    area,
    rows: rows.length,
    seats: counts.every((count) => count === counts[0]) ? [counts[0]] : counts,
    aisles: rows[widest].gaps_after ?? [],
    ...ruleOfRows(rows.map(({ row }) => row)),
    ...numbers,
  };
  for (const { rotation, spacing, rowSpacing, curve } of guesses(rows, widest)) {
    for (const align of rules.seats.length > 1 ? ["centre", "left", "right"] : ["centre"]) {
      const section = placed({ ...rules, align, rotation, spacing, rowSpacing, curve, x: 0, y: 0 }, rows[0].seats[0]);
      if (section && draws(section, rows)) return section;
    }
  }
  return undefined;
}

/** Turn, distances and curve as they may be, the likeliest first. */
function* guesses(rows, widest) {
  const { seats } = rows[widest];
  const [first, last] = [seats[0], seats[seats.length - 1]];
  const [front, back] = [rows[0], rows[rows.length - 1]].map(({ seats: row }) => middle(row[0], row[row.length - 1]));
  // The widest row is even on both sides, so its ends are level; with one seat in each row, the rows are one below the other.
  const across = seats.length > 1 ? { x: last.x - first.x, y: last.y - first.y } : { x: back.y - front.y, y: front.x - back.x };
  const pairs = seats.slice(1).map((seat, index) => far(seat, seats[index]));
  const rotation = Math.round((Math.atan2(across.y, across.x) * 180) / Math.PI) || 0;
  const spacing = pairs.length > 0 ? stepped(Math.min(...pairs)) : SEAT;
  const level = (seat) => turned(seat.x, seat.y, -rotation);
  const { depthOf, radius } = arcOf(seats.map(level), spacing, (rows[widest].gaps_after ?? []).length);
  const [nearest, farthest] = [rows[0], rows[rows.length - 1]].map((row) => depthOf(level(row.seats[0])));
  const rowSpacing = rows.length > 1 ? Math.max(STEP, stepped((farthest - nearest) / (rows.length - 1))) : ROW;
  const curve = radius === Infinity ? 0 : Math.round(180_000 / (Math.PI * Math.max(1, nearest)));
  for (const more of [0, STEP, -STEP]) {
    for (const bend of [0, 1, -1, 2, -2]) {
      for (const turn of [0, 1, -1]) {
        if (curve + bend < 0) continue;
        yield { rotation: rotation + turn, spacing, rowSpacing: rowSpacing + more, curve: curve + bend };
      }
    }
  }
}

/** The arc of the widest row, whose ends are level: its radius, and how far from its middle, or how far down, a place is. */
function arcOf(seats, spacing, aisles) {
  const straight = { radius: Infinity, depthOf: ([, y]) => y };
  if (seats.length < 3) return straight;
  const [first, last, central] = [seats[0], seats[seats.length - 1], seats[seats.length >> 1]];
  const rise = central[1] - first[1];
  if (rise < EXACT) return straight;
  const end = ((seats.length + aisles - 1) / 2) * spacing;
  const axis = (first[0] + last[0]) / 2;
  const inner = Math.abs(central[0] - axis);
  const drop = (radius) => radius * (Math.cos(inner / radius) - Math.cos(Math.min(Math.PI, end / radius)));
  let [low, high] = [end / Math.PI, 1e7];
  for (let step = 0; step < 80; step += 1) {
    const between = Math.sqrt(low * high);
    if (drop(between) > rise) low = between;
    else high = between;
  }
  const top = first[1] - low * Math.cos(end / low);
  return { radius: low, depthOf: ([x, y]) => Math.hypot(x - axis, y - top) };
}

/** The section where its first seat is at the given place. */
function placed(section, seat) {
  if (!(section.spacing > 0) || radiusOf(section.curve) <= 0) return undefined;
  const first = drawnRows(section)[0].seats[0];
  return { ...section, x: stepped(seat.x - first.x), y: stepped(seat.y - first.y) };
}

function draws(section, rows) {
  return drawnRows(section).every(({ row, seats, gaps_after }, index) => {
    const known = rows[index];
    const gaps = known.gaps_after ?? [];
    if (row !== known.row || seats.length !== known.seats.length || gaps.length !== gaps_after.length || gaps.some((gap, place) => gap !== gaps_after[place])) return false;
    return seats.every(({ seat, label, x, y }, place) => {
      const other = known.seats[place];
      return seat === other.seat && label === other.label && Math.abs(x - other.x) < EXACT && Math.abs(y - other.y) < EXACT;
    });
  });
}
