// Seats as lines of a spreadsheet: section, row, seat, and where they are. Pure: it touches no element.

import { FileProblem } from "./file-problem.js";
import { MOST_IN_ROW, rowsOf } from "./geometry.js";
import { slug, unlike } from "./labels.js";

const COLUMNS = ["section", "row", "seat", "x", "y", "category", "id", "aisle_after"];
const NEEDED = ["section", "row", "seat"];
const SEAT_ID = /^[A-Za-z0-9._-]{1,80}$/;
const CATEGORY = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** The cells of each line, with the line they begin in. Fields may be in quotes, and a quoted field may have line breaks. */
function* lines(text, separator) {
  let [at, line] = [0, 1];
  while (at < text.length) {
    const [cells, begin] = [[], line];
    for (;;) {
      let cell = "";
      if (text[at] === '"') {
        const open = line;
        for (at += 1; text[at] !== '"' || text[at + 1] === '"'; at += 1) {
          if (at >= text.length) throw new FileProblem("open_quote", open, {});
          if (text[at] === '"') at += 1;
          if (text[at] === "\n") line += 1;
          cell += text[at];
        }
        at += 1;
        if (at < text.length && text[at] !== separator && !/[\r\n]/.test(text[at])) throw new FileProblem("open_quote", open, {});
      } else {
        const start = at;
        while (at < text.length && text[at] !== separator && text[at] !== "\n" && text[at] !== "\r") at += 1;
        cell = text.slice(start, at);
      }
      cells.push(cell.trim());
      if (text[at] !== separator) break;
      at += 1;
    }
    if (text[at] === "\r") at += 1;
    if (text[at] === "\n") at += 1;
    if (cells.some((cell) => cell !== "")) yield { cells, line: begin };
    line += 1;
  }
}

/** Spreadsheets write what their country uses: the separator that the first line has most of. */
function separatorOf(text) {
  const [first] = text.split(/\r?\n/, 1);
  return [",", ";", "\t"].reduce((best, one) => (first.split(one).length > first.split(best).length ? one : best));
}

/**
 * The seats of a text as areas in the API's form. Every line with something wrong is refused with its number, so that nothing is
 * left out silently. Throws `FileProblem`.
 *
 * @param {string} text
 * @param {string[]} [taken] areas that there are
 */
export function readCsv(text, taken = []) {
  const plain = text.replace(/^\uFEFF/, "");
  const separator = separatorOf(plain);
  const [head, ...rest] = lines(plain, separator);
  if (!head) throw new FileProblem("nothing_in_file", 1, {});
  const names = head.cells.map((name) => name.toLowerCase());
  const unknown = names.find((name, place) => !COLUMNS.includes(name) || names.indexOf(name) !== place);
  const missing = NEEDED.find((name) => !names.includes(name));
  if (missing) throw new FileProblem("missing_column", head.line, { name: missing });
  if (unknown !== undefined) throw new FileProblem("unknown_column", head.line, { name: unknown, known: COLUMNS.join(", ") });
  if (names.includes("x") !== names.includes("y")) throw new FileProblem("missing_column", head.line, { name: names.includes("x") ? "y" : "x" });
  if (rest.length === 0) throw new FileProblem("nothing_in_file", head.line, {});

  const decimalComma = separator === ";";
  const areas = new Map();
  const seen = { labels: new Map(), ids: new Map() };
  for (const { cells, line } of rest) {
    if (cells.length !== names.length) throw new FileProblem("wrong_cells", line, { count: cells.length, expected: names.length });
    const of = Object.fromEntries(names.map((name, place) => [name, cells[place]]));
    take(of, line, { areas, seen, taken, decimalComma });
  }
  return [...areas.values()].map(({ rows, ...area }) => ({ ...area, rows: [...rows.values()].map(({ number, ...row }) => row) }));
}

function take(of, line, { areas, seen, taken, decimalComma }) {
  for (const name of NEEDED) if (!of[name] || of[name].length > 64) throw new FileProblem("empty_cell", line, { name });
  const place = `${of.section}\n${of.row}\n${of.seat}`;
  if (seen.labels.has(place)) throw new FileProblem("label_twice", line, { ...of, first: seen.labels.get(place) });
  seen.labels.set(place, line);
  const category = of.category || "seated";
  if (!CATEGORY.test(category)) throw new FileProblem("bad_category_in_file", line, { name: category });
  // A section in two categories is two areas, as in plans from elsewhere.
  const key = `${of.section}\n${category}`;
  if (!areas.has(key)) {
    const names = [...taken, ...[...areas.values()].map(({ area }) => area)];
    areas.set(key, { area: unlike(slug(of.section) || "area", names), section: of.section, category, rows: new Map() });
  }
  const area = areas.get(key);
  if (!area.rows.has(of.row)) area.rows.set(of.row, { row: of.row, number: area.rows.size, seats: [], gaps_after: [] });
  const row = area.rows.get(of.row);
  if (row.seats.length >= MOST_IN_ROW) throw new FileProblem("bad_row_length", line, { name: of.row, most: MOST_IN_ROW });
  const plain = (text, instead) => (/^[A-Za-z0-9_]{1,16}$/.test(text) ? text : instead);
  const seat = of.id || `${area.area}.${plain(of.row, `r${row.number + 1}`)}-${plain(of.seat, `s${row.seats.length + 1}`)}`;
  if (!SEAT_ID.test(seat)) throw new FileProblem("bad_seat_in_file", line, { name: seat });
  if (seen.ids.has(seat)) throw new FileProblem("seat_twice_in_file", line, { name: seat, line: seen.ids.get(seat) });
  seen.ids.set(seat, line);
  const places = {};
  for (const name of ["x", "y"]) {
    if (of[name] === undefined) continue;
    const number = Number(decimalComma ? of[name].replace(",", ".") : of[name]);
    if (of[name] === "" || !Number.isFinite(number) || Math.abs(number) > 1_000_000) throw new FileProblem("not_a_number", line, { name });
    places[name] = Math.round(number * 100) / 100;
  }
  row.seats.push({ seat, label: of.seat, ...places });
  if (of.aisle_after && !/^(0|no|false)$/i.test(of.aisle_after)) row.gaps_after.push(row.seats.length);
}

/** All numbered seats of a plan as CSV. What is sold by quantity, and shapes, are no lines: the JSON has them. */
export function writeCsv({ sections }) {
  const cell = (value) => (/[",\r\n]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
  const all = sections.flatMap((section) =>
    rowsOf(section).flatMap(({ row, seats, gaps_after = [] }) =>
      seats.map(({ seat, label, x, y }, index) => [section.name.trim() || section.area, row, label, x, y, section.category, seat, gaps_after.includes(index + 1) ? 1 : ""]),
    ),
  );
  return [COLUMNS, ...all].map((line) => line.map((value) => cell(String(value))).join(",")).join("\r\n") + "\r\n";
}
