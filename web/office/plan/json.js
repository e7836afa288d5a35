// Reads a plan in the API's JSON, and says in which line what is wrong. Pure: it touches no element.

import { FileProblem } from "./file-problem.js";
import { MOST_IN_ROW } from "./geometry.js";

const MEMBERS = {
  plan: ["plan", "revision", "name", "categories", "areas", "shapes"],
  category: ["category", "name", "color"],
  area: ["area", "section", "category", "rows", "capacity"],
  row: ["row", "seats", "gaps_after"],
  seat: ["seat", "label", "x", "y"],
  shape: ["shape", "x", "y", "width", "height", "points", "rotation", "color", "text", "area"],
};
const SHAPES = ["rectangle", "circle", "ellipse", "polygon", "text"];
const ID = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const SEAT = /^[A-Za-z0-9._-]{1,80}$/;

/** The plan that a text has, in the API's form. Throws `FileProblem`. */
export function readJson(text) {
  let plan;
  try {
    plan = JSON.parse(text);
  } catch {
    throw new FileProblem("not_json", lineOfSyntaxError(text), {});
  }
  const check = new Check(text);
  check.object(plan, [], "plan");
  if (plan.zones !== undefined) check.fail("is_pretix", ["zones"]);
  check.members(plan, [], MEMBERS.plan);
  if (plan.plan !== undefined) check.id(plan.plan, ["plan"]);
  check.text(plan.name ?? "", ["name"], 0);
  check.list(plan.categories ?? [], ["categories"]).forEach((category, index) => checkCategory(check, category, ["categories", index]));
  const areas = check.list(plan.areas, ["areas"]);
  if (areas.length === 0) check.fail("nothing_in_file", ["areas"]);
  const known = { areas: new Set(), seats: new Map() };
  areas.forEach((area, index) => checkArea(check, area, ["areas", index], known));
  check.list(plan.shapes ?? [], ["shapes"]).forEach((shape, index) => checkShape(check, shape, ["shapes", index], known));
  const { revision, ...drawn } = plan;
  return drawn;
}

function checkCategory(check, category, path) {
  check.object(category, path, "category");
  check.members(category, path, MEMBERS.category);
  check.id(category.category, [...path, "category"]);
}

function checkArea(check, area, path, known) {
  check.object(area, path, "area");
  check.members(area, path, MEMBERS.area);
  check.id(area.area, [...path, "area"]);
  if (known.areas.has(area.area)) check.fail("area_twice_in_file", [...path, "area"], { name: area.area });
  known.areas.add(area.area);
  check.id(area.category, [...path, "category"]);
  if (area.section !== undefined) check.text(area.section, [...path, "section"]);
  if ((area.rows === undefined) === (area.capacity === undefined)) check.fail("rows_or_capacity", path, { name: area.area });
  if (area.capacity !== undefined) check.whole(area.capacity, [...path, "capacity"], 1, 200_000);
  if (area.rows === undefined) return;
  const rows = check.list(area.rows, [...path, "rows"]);
  if (rows.length === 0) check.fail("rows_or_capacity", path, { name: area.area });
  rows.forEach((row, index) => checkRow(check, row, [...path, "rows", index], area, known));
}

function checkRow(check, row, path, area, { seats }) {
  check.object(row, path, "row");
  check.members(row, path, MEMBERS.row);
  check.text(row.row, [...path, "row"]);
  const take = (seat, at) => {
    if (seats.has(seat)) check.fail("seat_twice_in_file", at, { name: seat, line: check.line(seats.get(seat)) });
    seats.set(seat, at);
  };
  if (typeof row.seats === "number") {
    check.whole(row.seats, [...path, "seats"], 1, MOST_IN_ROW);
    for (let number = 1; number <= row.seats; number += 1) take(`${area.area}.${row.row}-${number}`, [...path, "seats"]);
  } else {
    const listed = check.list(row.seats, [...path, "seats"]);
    if (listed.length === 0 || listed.length > MOST_IN_ROW) check.fail("bad_row_length", [...path, "seats"], { name: row.row, most: MOST_IN_ROW });
    listed.forEach((seat, index) => {
      const at = [...path, "seats", index];
      check.object(seat, at, "seat");
      check.members(seat, at, MEMBERS.seat);
      if (!SEAT.test(seat.seat ?? "")) check.fail("bad_seat_in_file", at, { name: String(seat.seat) });
      take(seat.seat, [...at, "seat"]);
      check.text(seat.label, [...at, "label"]);
      if ((seat.x === undefined) !== (seat.y === undefined)) check.fail("half_a_place", at, { name: seat.seat });
      if (seat.x !== undefined) ["x", "y"].forEach((member) => check.number(seat[member], [...at, member]));
    });
  }
  const length = typeof row.seats === "number" ? row.seats : row.seats.length;
  check.list(row.gaps_after ?? [], [...path, "gaps_after"]).forEach((gap, index) => check.whole(gap, [...path, "gaps_after", index], 1, length));
}

function checkShape(check, shape, path, { areas }) {
  check.object(shape, path, "shape");
  check.members(shape, path, MEMBERS.shape);
  if (!SHAPES.includes(shape.shape)) check.fail("no_such_shape", [...path, "shape"], { name: String(shape.shape) });
  for (const member of ["x", "y"]) check.number(shape[member], [...path, member]);
  for (const member of ["width", "height", "rotation"]) if (shape[member] !== undefined) check.number(shape[member], [...path, member]);
  for (const [index, point] of check.list(shape.points ?? [], [...path, "points"]).entries()) {
    const at = [...path, "points", index];
    if (check.list(point, at).length !== 2) check.fail("not_a_number", at, { name: "points" });
    point.forEach((number, place) => check.number(number, [...at, place]));
  }
  if (shape.area !== undefined && !areas.has(shape.area)) check.fail("outline_of_nothing", [...path, "area"], { name: String(shape.area) });
}

/** Refuses with the line of what is wrong. */
class Check {
  #text;

  constructor(text) {
    this.#text = text;
  }

  line(path) {
    return lineOf(this.#text, path);
  }

  /** @returns {never} */
  fail(code, path, values = {}) {
    throw new FileProblem(code, this.line(path), values);
  }

  object(value, path, name) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) this.fail("not_an_object", path, { name });
  }

  list(value, path) {
    if (!Array.isArray(value)) this.fail("not_a_list", path, { name: String(path.at(-1)) });
    return value;
  }

  members(value, path, known) {
    const unknown = Object.keys(value).find((member) => !known.includes(member));
    if (unknown !== undefined) this.fail("unknown_member", [...path, unknown], { name: unknown });
  }

  text(value, path, least = 1) {
    if (typeof value !== "string" || value.trim().length < least || value.length > 200) this.fail("not_a_text", path, { name: String(path.at(-1)) });
  }

  id(value, path) {
    if (typeof value !== "string" || !ID.test(value)) this.fail("not_an_id", path, { name: String(value ?? path.at(-1)) });
  }

  number(value, path) {
    if (typeof value !== "number" || Math.abs(value) > 1_000_000) this.fail("not_a_number", path, { name: String(path.at(-1)) });
  }

  whole(value, path, least, most) {
    if (!Number.isInteger(value) || value < least || value > most) this.fail("not_a_whole_number", path, { name: String(path.at(-1)), least, most });
  }
}

// --- Lines ------------------------------------------------------------------------------------------------------------------

const lineAt = (text, offset) => text.slice(0, offset).split("\n").length;

/** The line in which a text ceases to be JSON. Not all browsers say it. */
function lineOfSyntaxError(text) {
  const token = /\s*("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[{}[\],:])/y;
  const next = () => {
    const at = token.lastIndex;
    const found = token.exec(text)?.[1];
    if (found !== undefined) return found;
    token.lastIndex = at + (text.slice(at).match(/^\s*/)?.[0].length ?? 0);
    throw token;
  };
  const refuse = (found) => {
    token.lastIndex -= found.length;
    throw token;
  };
  const value = (found) => {
    if (found === "[") return list("]", value);
    if (found === "{") return list("}", member);
    if (/^[}\],:]/.test(found)) refuse(found);
  };
  const member = (name) => {
    if (!name.startsWith('"')) refuse(name);
    const colon = next();
    if (colon !== ":") refuse(colon);
    value(next());
  };
  const list = (end, item) => {
    let found = next();
    if (found === end) return;
    for (;;) {
      item(found);
      const after = next();
      if (after === end) return;
      if (after !== ",") refuse(after);
      found = next();
    }
  };
  try {
    value(next());
    next();
  } catch (error) {
    // A text that is nested too deeply to be passed over has no line.
    if (error !== token) return 1;
  }
  return lineAt(text, token.lastIndex);
}

/** The line of the value at a path of a text that is JSON; of what is nearest to it, if it is not there. */
export function lineOf(text, path) {
  let at = 0;
  const space = () => {
    while (/\s/.test(text[at] ?? "")) at += 1;
  };
  const string = () => {
    const start = at;
    for (at += 1; text[at] !== '"'; at += 1) if (text[at] === "\\") at += 1;
    at += 1;
    return JSON.parse(text.slice(start, at));
  };
  /** Passes over a value; at the value that `wanted` leads to it returns where it begins. */
  const pass = (wanted) => {
    space();
    const start = at;
    if (wanted?.length === 0) return start;
    if (text[at] === '"') string();
    else if (text[at] === "{" || text[at] === "[") {
      const isList = text[at] === "[";
      at += 1;
      for (let index = 0; ; index += 1) {
        space();
        if (text[at] === "}" || text[at] === "]") break;
        const name = isList ? index : string();
        if (!isList) {
          space();
          at += 1;
        }
        const found = pass(wanted?.[0] === name ? wanted.slice(1) : undefined);
        if (found !== undefined) return found;
        space();
        if (text[at] === ",") at += 1;
      }
      at += 1;
    } else while (at < text.length && !/[\s,\]}]/.test(text[at])) at += 1;
    return wanted && start;
  };
  return lineAt(text, pass(path) ?? 0);
}
