// Computes the places of all seats from a show's plan. Pure: it touches no element.
//
// Rows are arcs around a point far beyond the stage, as in a theatre: every seat faces the
// stage. Seats of one row are equally far apart; an aisle is one seat wide.

import { parts } from "./words.js";

export const PITCH = 20;
export const ROW = 22;
const AISLE = 1;
const BETWEEN_AREAS = 0.5;
export const FIRST_ROW = 118;

/**
 * `areas` is the show's plan, `seats` the labelled seats of the snapshot. Returns the paper's size,
 * the seats with place and angle, the ends of the rows, the areas' name places and the stage.
 */
export function layOut(areas, seats) {
  if (seats.length > 0 && seats.every(({ x, y }) => x !== undefined && y !== undefined)) return layOutDrawn(seats);
  const blocks = blocksOf(areas, seats);
  const widest = Math.max(8, ...blocks.flatMap((block) => block.rows.map((row) => row.length)));
  const half = (widest / 2 + 1.6) * PITCH;
  // Wide plans curve no more than narrow ones.
  const radius = half / 0.36;
  const centre = -radius + FIRST_ROW;
  const at = (depth, along) => {
    const r = radius + depth;
    const angle = along / r;
    return { x: r * Math.sin(angle), y: centre + r * Math.cos(angle), turn: (-angle * 180) / Math.PI };
  };

  const places = [];
  const ends = [];
  const names = [];
  let depth = 0;
  for (const block of blocks) {
    names.push({ area: block.area, price: block.price, ...at(depth, 0) });
    depth += ROW * 1.35;
    for (const row of block.rows) {
      const from = (-row.length / 2) * PITCH;
      ends.push({ row: row.row, area: block.area, ...at(depth, from - PITCH * 0.9) });
      ends.push({ row: row.row, area: block.area, ...at(depth, -from + PITCH * 0.9) });
      for (const { seat, offset } of row.seats) {
        places.push({ ...seat, row: row.row, number: parts(seat.seat).number, ...at(depth, from + offset * PITCH) });
      }
      depth += ROW;
    }
    depth += ROW * BETWEEN_AREAS;
  }

  const bottom = Math.max(FIRST_ROW, ...places.map((place) => place.y)) + PITCH;
  return { box: { x: -half, y: 0, width: half * 2, height: bottom }, places, ends, names, stage: { half: Math.min(half * 0.62, 340) } };
}

/** Seats where their plan has them, turned to fit the paper's size of a seat. */
function layOutDrawn(seats) {
  const rows = [...groupBy(seats, ({ area, row }) => `${area}|${row}`).values()];
  const steps = rows.flatMap((row) => row.slice(1).map((seat, index) => Math.hypot(seat.x - row[index].x, seat.y - row[index].y)));
  const usual = steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] || PITCH;
  const scale = PITCH / usual;
  const [xs, ys] = [seats.map(({ x }) => x), seats.map(({ y }) => y)];
  const [left, right, top] = [least(xs), -least(xs.map((x) => -x)), least(ys)];
  const place = ({ x, y }) => ({ x: (x - (left + right) / 2) * scale, y: (y - top) * scale + FIRST_ROW + ROW, turn: 0 });
  const places = seats.map((seat) => ({ ...seat, number: seat.label, ...place(seat) }));
  const ends = rows.flatMap((row) => {
    const [first, last] = [row[0], row[row.length - 1]].map(place);
    const { row: name, area } = row[0];
    const side = first.x <= last.x ? -1 : 1;
    return [
      { row: name, area, ...first, x: first.x + side * PITCH * 0.9 },
      { row: name, area, ...last, x: last.x - side * PITCH * 0.9 },
    ];
  });
  const names = [...groupBy(places, ({ area }) => area)].map(([area, inArea]) => {
    const middle = inArea.reduce((sum, { x }) => sum + x, 0) / inArea.length;
    return { area, price: inArea[0].price, x: middle, y: least(inArea.map(({ y }) => y)) - ROW, turn: 0 };
  });
  const half = ((right - left) / 2) * scale + 1.6 * PITCH;
  const bottom = -least(places.map(({ y }) => -y)) + PITCH;
  return { box: { x: -half, y: 0, width: half * 2, height: bottom }, places, ends, names, stage: { half: Math.min(half * 0.62, 340) } };
}

/** Of a hundred thousand, which are too many arguments for `Math.min`. */
function least(numbers) {
  return numbers.reduce((a, b) => Math.min(a, b), Infinity);
}

/** Areas with their rows; a row has its seats, each with its offset in seats from the row's end. */
function blocksOf(areas, seats) {
  const byArea = groupBy(seats, (seat) => seat.area);
  const plans = new Map(areas.map((area) => [area.area, area]));
  return [...byArea].map(([area, members]) => {
    const gaps = new Map((plans.get(area)?.rows ?? []).map((row) => [row.row, new Set(row.gaps_after ?? [])]));
    const rows = [...groupBy(members, (seat) => parts(seat.seat).row)].map(([row, inRow]) => rowOf(row, inRow, gaps.get(row)));
    return { area, price: members[0].price, rows };
  });
}

function rowOf(row, seats, gaps) {
  let offset = 0.5;
  const placed = seats.map((seat) => {
    const here = offset;
    offset += seat.gap || gaps?.has(Number(parts(seat.seat).number)) ? 1 + AISLE : 1;
    return { seat, offset: here };
  });
  return { row, seats: placed, length: offset - 0.5 };
}

function groupBy(items, key) {
  const groups = new Map();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}
