// Computes the places of all seats from a show's plan. Pure: it touches no element.
//
// Rows are arcs around a point far beyond the stage, as in a theatre: every seat faces the
// stage. Seats of one row are equally far apart; an aisle is one seat wide.

import { corners } from "./shapes.js";
import { parts } from "./words.js";

export const PITCH = 20;
export const ROW = 22;
const AISLE = 1;
const BETWEEN_AREAS = 0.5;
export const FIRST_ROW = 118;

/**
 * `areas` is the show's plan, `seats` the labelled seats of the snapshot, `shapes` those of a drawn plan. Returns the paper's size,
 * the seats with place and angle, the ends of the rows, the areas' name places, the stage and the shapes. A plan with shapes
 * has its stage among them.
 *
 * @returns {{ box: any, places: any[], ends: any[], names: any[], shapes: any[], stage: { half: number } }}
 */
export function layOut(areas, seats, shapes = []) {
  if (seats.length > 0 && seats.every(({ x, y }) => x !== undefined && y !== undefined)) return layOutDrawn(seats, shapes);
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
    names.push({ area: block.area, section: block.section, price: block.price, ...at(depth, 0) });
    depth += ROW * 1.35;
    for (const row of block.rows) {
      const from = (-row.length / 2) * PITCH;
      ends.push({ row: row.row, area: block.area, ...at(depth, from - PITCH * 0.9) });
      ends.push({ row: row.row, area: block.area, ...at(depth, -from + PITCH * 0.9) });
      for (const { seat, offset } of row.seats) {
        places.push({ ...seat, row: row.row, number: parts(seat).number, ...at(depth, from + offset * PITCH) });
      }
      depth += ROW;
    }
    depth += ROW * BETWEEN_AREAS;
  }

  const bottom = Math.max(FIRST_ROW, ...places.map((place) => place.y)) + PITCH;
  return { box: { x: -half, y: 0, width: half * 2, height: bottom }, places, ends, names, shapes: [], stage: { half: Math.min(half * 0.62, 340) } };
}

/** Seats where their plan has them, as large as the paper's. */
function layOutDrawn(seats, shapes) {
  const rows = [...groupBy(seats, ({ area, row }) => `${area}|${row}`).values()];
  const steps = rows.flatMap((row) => row.slice(1).map((seat, index) => Math.hypot(seat.x - row[index].x, seat.y - row[index].y)));
  const usual = steps.sort((a, b) => a - b)[Math.floor(steps.length / 2)] || PITCH;
  const scale = PITCH / usual;
  const edges = shapes.flatMap(corners);
  const [xs, ys] = [[...seats, ...edges].map(({ x }) => x), [...seats, ...edges].map(({ y }) => y)];
  const [left, right, top] = [least(xs), -least(xs.map((x) => -x)), least(ys)];
  const first = shapes.length > 0 ? 1.6 * PITCH : FIRST_ROW + ROW;
  const place = ({ x, y }) => ({ x: (x - (left + right) / 2) * scale, y: (y - top) * scale + first, turn: 0 });
  const places = rows.flatMap((row) => {
    const placed = row.map(place);
    return row.map((seat, index) => ({ ...seat, number: seat.label, ...placed[index], turn: turnOf(placed, index) }));
  });
  const ends = rows.flatMap((row) => {
    const placed = row.map(place);
    const { row: name, area } = row[0];
    return [beyond(placed[0], placed[1], -1), beyond(placed[placed.length - 1], placed[placed.length - 2], 1)].map((end) => ({ row: name, area, ...end }));
  });
  const names = [...groupBy(places, ({ area }) => area)].map(([area, inArea]) => {
    const middle = inArea.reduce((sum, { x }) => sum + x, 0) / inArea.length;
    return { area, section: inArea[0].section, price: inArea[0].price, x: middle, y: least(inArea.map(({ y }) => y)) - ROW, turn: 0 };
  });
  const half = ((right - left) / 2) * scale + 1.6 * PITCH;
  const bottom = (-least(ys.map((y) => -y)) - top) * scale + first + PITCH;
  const drawn = shapes.map((shape) => ({ ...shape, ...place(shape), scale }));
  const stage = { half: shapes.length > 0 ? 0 : Math.min(half * 0.62, 340) };
  return { box: { x: -half, y: 0, width: half * 2, height: bottom }, places, ends, names, shapes: drawn, stage };
}

/** Seats are turned as their rows are, by at most 45 degrees: they look the same from all four sides. */
function turnOf(row, index) {
  const [from, to] = [row[Math.max(0, index - 1)], row[Math.min(row.length - 1, index + 1)]];
  const angle = (Math.atan2(to.y - from.y, to.x - from.x) * 180) / Math.PI;
  const least = angle - Math.round(angle / 90) * 90;
  // Rounding of coordinates is no angle.
  return Math.abs(least) > 0.6 ? least : 0;
}

/** Where the name of a row is: beyond its last seat, in the direction of the row. */
function beyond(end, next, side) {
  const [dx, dy] = next ? [end.x - next.x, end.y - next.y] : [side, 0];
  const far = (PITCH * 0.9) / (Math.hypot(dx, dy) || 1);
  return { ...end, x: end.x + dx * far, y: end.y + dy * far };
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
    const rows = [...groupBy(members, (seat) => parts(seat).row)].map(([row, inRow]) => rowOf(row, inRow, gaps.get(row)));
    return { area, section: members[0].section, price: members[0].price, rows };
  });
}

function rowOf(row, seats, gaps) {
  let offset = 0.5;
  const placed = seats.map((seat) => {
    const here = offset;
    offset += seat.gap || gaps?.has(Number(parts(seat).number)) ? 1 + AISLE : 1;
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
