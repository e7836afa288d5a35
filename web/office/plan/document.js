// A plan as the editor has it: sections with the rules that they are drawn by, and shapes. It is never changed in place, so that
// each step of its history is whole. Pure: it touches no element.

import { corners } from "../../shapes.js";
import { around, countOf, drawnRows, MOST_CURVE, MOST_IN_ROW, MOST_ROWS, MOST_SEATS, radiusOf, ROW, rowsOf, SEAT, touching, usualStep } from "./geometry.js";
import { LETTERS, slug, unlike } from "./labels.js";
import { recognise } from "./recognise.js";

/** Seats that are looked at to find those that are one on the other; more would take too long while somebody types. */
const LOOKED_AT = 30_000;

const ID = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const SEAT_ID = /^[A-Za-z0-9._-]{1,80}$/;

let made = 0;
/** Names a section or a shape in this editor; it is not in the plan. */
export const newKey = () => `k${(made += 1)}`;

/** A plan with a stage and nothing else. */
export const emptyPlan = (stage = "") => ({
  plan: "",
  name: "",
  categories: [{ category: "seated" }],
  sections: [],
  shapes: [{ key: newKey(), shape: "rectangle", x: 0, y: -60, width: 320, height: 44, rotation: 0, text: stage }],
});

/** Where something new is put: below all that there is. */
function below(plan) {
  const box = boxOf(plan);
  return box ? { x: 0, y: Math.ceil((box.bottom + 2.5 * ROW) / 10) * 10 } : { x: 0, y: 0 };
}

/** A section of rows, as a start. */
export function newRows(plan, name) {
  const spacing = stepOf(plan);
  return {
    kind: "rows",
    ...named(plan, name),
    ...below(plan),
    rotation: 0,
    rows: 8,
    seats: [16],
    align: "centre",
    curve: 0,
    spacing,
    rowSpacing: Math.round(spacing * 2.2) / 2,
    aisles: [],
    rowStyle: LETTERS,
    rowFrom: "A",
    rowReversed: false,
    numberFrom: 1,
    numberStep: 1,
    numberReversed: false,
  };
}

/** A section that is sold by quantity. */
export function newStanding(plan, name) {
  const { x, y } = below(plan);
  return { kind: "standing", ...named(plan, name), x, y: y + 60, width: 300, height: 120, rotation: 0, capacity: 100 };
}

function named(plan, name) {
  const area = unlike(slug(name) || "area", plan.sections.map((section) => section.area));
  return { key: newKey(), area, name, category: plan.categories[0]?.category ?? "seated" };
}

/** A copy beside the original, with an id of its own. */
export function copyOf(plan, section, name) {
  const key = newKey();
  if (section.area === undefined) return { ...section, key, x: section.x + 40, y: section.y + 40 };
  const area = unlike(`${section.area.replace(/-\d+$/, "")}-2`.slice(0, 60), plan.sections.map((other) => other.area));
  const copy = { ...section, key, area, name, x: section.x + 40, y: section.y + 40 };
  if (section.kind !== "fixed") return copy;
  // Ids are unique in the plan. Those of the copy begin with its area, as those of the original do with theirs, or in front.
  const idOf = (seat) => (seat.startsWith(`${section.area}.`) ? `${area}${seat.slice(section.area.length)}` : `${area}.${seat}`);
  return { ...copy, rows: section.rows.map((row) => ({ ...row, seats: row.seats.map((seat) => ({ ...seat, seat: idOf(seat.seat) })) })) };
}

/** The usual distance from seat to seat in the plan, in steps of a half. */
export function stepOf({ sections }) {
  const fixed = sections.find(({ kind }) => kind === "fixed");
  const drawn = sections.find(({ kind }) => kind === "rows");
  const step = drawn?.spacing ?? (fixed ? usualStep(fixed.rows) : SEAT);
  return Math.max(0.5, Math.round(step * 2) / 2);
}

/** The rectangle around all that is drawn; undefined around nothing. */
export function boxOf({ sections, shapes }) {
  return around([...sections.flatMap(pointsOf), ...shapes.flatMap(corners)]);
}

/** The points that a section reaches to. */
export function pointsOf(section) {
  return section.kind === "standing" ? corners(section) : rowsOf(section).flatMap(({ seats }) => seats);
}

/** How many seats and places a plan has. */
export const seatsOfPlan = ({ sections }) => sections.reduce((sum, section) => sum + countOf(section), 0);

// --- The API's form ---------------------------------------------------------------------------------------------------------

/** The plan as the API takes it: `POST /v1/plans`. */
export function toApi({ plan, name, categories, sections, shapes }) {
  const outlines = sections.filter(({ kind }) => kind === "standing").map(outlineOf);
  const areas = sections.map((section) => {
    const { area, name: printed, category } = section;
    const common = { area, ...(printed.trim() ? { section: printed.trim() } : {}), category };
    if (section.kind === "standing") return { ...common, capacity: section.capacity };
    const rows = rowsOf(section).filter(({ seats }) => seats.length > 0);
    return { ...common, rows: rows.map(({ row, seats, gaps_after }) => ({ row, seats: seats.map(seatOf), ...(gaps_after?.length ? { gaps_after } : {}) })) };
  });
  return { plan, name: name.trim(), categories, areas, shapes: [...shapes.map(shapeOf), ...outlines] };
}

const seatOf = ({ seat, label, x, y }) => ({ seat, label, x, y });

function shapeOf({ shape, x, y, width, height, rotation, text, color, area, points = [] }) {
  const kept = { shape, x, y, width, height, rotation: rotation || undefined, text: text?.trim() || undefined, color, area };
  const api = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
  return points.length > 0 ? { ...api, points } : api;
}

const outlineOf = ({ area, x, y, width, height, rotation, outline }) => shapeOf({ shape: "rectangle", ...outline, area, x, y, width, height, rotation });

/** The plan that the API's form has: `GET /v1/plans/{plan}/revisions/{revision}`, or a file. Every seat gets a place. */
export function fromApi({ plan = "", name = "", categories = [], areas, shapes = [] }) {
  const isOutline = ({ shape, area, width, height, points }) => ["rectangle", "ellipse", "circle"].includes(shape) && !points?.length && width > 0 && height > 0 && area;
  const outlines = new Map();
  for (const shape of shapes) {
    const standing = areas.find(({ area, capacity }) => area === shape.area && capacity !== undefined);
    if (standing && isOutline(shape) && !outlines.has(shape.area)) outlines.set(shape.area, shape);
  }
  const result = { plan, name, categories: [...categories], sections: [], shapes: [] };
  for (const { category } of areas) if (!result.categories.some((known) => known.category === category)) result.categories.push({ category });
  for (const shape of shapes) {
    if (outlines.get(shape.area) !== shape) result.shapes.push({ rotation: 0, ...shape, key: newKey() });
  }
  for (const area of areas) result.sections.push(sectionOf(result, area, outlines.get(area.area)));
  return result;
}

/** The plan with further areas, which are in the API's form. */
export function withAreas(plan, areas) {
  const result = { ...plan, categories: [...plan.categories], sections: [...plan.sections] };
  for (const area of areas) {
    if (!result.categories.some(({ category }) => category === area.category)) result.categories.push({ category: area.category });
    result.sections.push(sectionOf(result, area, undefined));
  }
  return result;
}

function sectionOf(plan, { area, section: name = "", category, rows = [], capacity }, outline) {
  const common = { key: newKey(), area, name, category };
  if (capacity !== undefined) {
    const { x, y, width = 300, height = 120, rotation = 0, ...look } = outline ?? { ...below(plan), shape: "rectangle" };
    return { kind: "standing", ...common, capacity, x, y: outline ? y : y + height / 2, width, height, rotation, outline: look };
  }
  return { ...common, ...asSection(area, withPlaces(plan, area, rows)) };
}

/** Rows by their rules, if they follow some; else their seats as they are, to be moved as a whole. */
export function asSection(area, rows) {
  return recognise({ area, rows }) ?? fixed(rows);
}

function fixed(rows) {
  const box = around(rows.flatMap(({ seats }) => seats));
  const origin = { x: Math.round((box.left + box.right) / 2), y: Math.round((box.top + box.bottom) / 2) };
  return { kind: "fixed", rows, origin, ...origin, rotation: 0 };
}

/** The seats of a section that was drawn by rules, without them. */
export function asFixed(section) {
  const { key, area, name, category } = section;
  return { key, area, name, category, ...fixed(drawnRows(section).map((row) => ({ ...row, seats: row.seats.map(seatOf) }))) };
}

/** Rows whose seats are listed with places. Seats without any are put below what there is. */
function withPlaces(plan, area, rows) {
  const listed = rows.map(({ row, seats, gaps_after = [] }) => ({
    row,
    gaps_after,
    seats: typeof seats === "number" ? Array.from({ length: seats }, (_, seat) => ({ seat: `${area}.${row}-${seat + 1}`, label: String(seat + 1) })) : seats,
  }));
  if (listed.every(({ seats }) => seats.every(({ x, y }) => x !== undefined && y !== undefined))) return listed;
  const { x: middle, y: top } = below(plan);
  const step = stepOf(plan);
  const widest = Math.max(...listed.map(({ seats, gaps_after }) => seats.length + gaps_after.length));
  return listed.map(({ row, seats, gaps_after }, line) => {
    const first = middle - ((Math.min(widest, seats.length + gaps_after.length) - 1) / 2) * step;
    const aisles = (seat) => gaps_after.filter((after) => after <= seat).length;
    return { row, gaps_after, seats: seats.map((seat, index) => ({ ...seat, x: first + (index + aisles(index)) * step, y: top + line * step * 1.1 })) };
  });
}

// --- What is wrong with it --------------------------------------------------------------------------------------------------

/**
 * What keeps a plan from being saved, and what looks like a mistake: `{ code, key?, values, warning? }`. The codes are messages.
 */
export function problemsOf(plan) {
  const found = [];
  const say = (code, { key, warning, ...values } = /** @type {any} */ ({})) => found.push({ code, key, warning, values });
  if (!plan.name.trim()) say("no_plan_name");
  if (!ID.test(plan.plan)) say("bad_plan_id");
  if (plan.categories.some(({ category }) => !ID.test(category))) say("bad_category");
  const total = seatsOfPlan(plan);
  if (total === 0) say("no_seats");
  if (total > MOST_SEATS) say("too_many_seats", { count: total, most: MOST_SEATS });
  const [areas, seats] = [new Set(), new Map()];
  for (const section of plan.sections) {
    const { key, area } = section;
    const values = { key, section: section.name.trim() || area };
    if (!ID.test(area)) say("bad_area", values);
    else if (areas.has(area)) say("area_twice", { ...values, area });
    areas.add(area);
    if (!plan.categories.some(({ category }) => category === section.category)) say("no_category", values);
    if (countOf(section) === 0) say("empty_section", values);
    else if (total <= MOST_SEATS) checkRows(section, values, seats, say);
  }
  if (total > 0 && total <= LOOKED_AT) {
    const [pair] = touching(plan.sections.flatMap((section) => rowsOf(section).flatMap((row) => row.seats.map((seat) => ({ ...seat, key: section.key })))), stepOf(plan));
    if (pair) say("touching", { key: pair[1].key, one: pair[0].seat, other: pair[1].seat, warning: true });
  }
  return found;
}

function checkRows(section, values, seats, say) {
  const rows = rowsOf(section);
  const names = rows.map(({ row }) => row);
  const twice = names.find((name, row) => names.indexOf(name) !== row);
  if (twice !== undefined) say("row_twice", { ...values, row: twice });
  if (names.some((name) => !name.trim())) say("row_without_name", values);
  if (section.kind === "rows" && section.curve > 0) {
    const [front] = rows.filter((row) => row.seats.length > 1);
    const length = front ? front.seats.length * section.spacing : 0;
    if (length > radiusOf(section.curve) * 2 * Math.PI) say("too_curved", values);
  }
  for (const { seats: inRow } of rows) {
    for (const { seat } of inRow) {
      if (!SEAT_ID.test(seat)) return say("bad_seat", { ...values, seat });
      if (seats.has(seat)) return say("seat_twice", { ...values, seat, other: seats.get(seat) });
      seats.set(seat, values.section);
    }
  }
}

/** A section with numbers within what can be drawn, and in the steps that places are kept in. */
export function bounded(section) {
  const within = (number, least, most, step = 1) => Math.min(most, Math.max(least, Math.round((Number(number) || 0) / step) * step));
  const placed = { ...section, x: within(section.x, -900_000, 900_000, 0.5), y: within(section.y, -900_000, 900_000, 0.5), rotation: turn(section.rotation) };
  if (section.width !== undefined) Object.assign(placed, { width: within(section.width, 1, 900_000), height: within(section.height, 1, 900_000) });
  if (section.kind === "standing") return { ...placed, capacity: within(section.capacity, 1, MOST_SEATS) };
  if (section.kind !== "rows") return placed;
  return {
    ...placed,
    rows: within(section.rows, 1, MOST_ROWS),
    seats: section.seats.map((count) => within(count, 0, MOST_IN_ROW)),
    curve: within(section.curve, 0, MOST_CURVE),
    spacing: within(section.spacing, 0.5, 10_000, 0.5),
    rowSpacing: within(section.rowSpacing, 0.5, 10_000, 0.5),
    numberFrom: within(section.numberFrom, 0, 99_999),
    numberStep: within(section.numberStep, 1, 100),
  };
}

/** Whole degrees from -180 to 180. */
function turn(degrees) {
  const whole = Math.round(Number(degrees) || 0) % 360;
  return whole > 180 ? whole - 360 : whole <= -180 ? whole + 360 : whole;
}
