// What the plan editor computes: places and labels of seats, the rules that are found in a drawn plan, and files.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readCsv, writeCsv } from "../../web/office/plan/csv.js";
import { bounded, copyOf, emptyPlan, fromApi, newRows, newStanding, problemsOf, seatsOfPlan, toApi, withAreas } from "../../web/office/plan/document.js";
import { drawnRows, radiusOf, rowsOf, touching } from "../../web/office/plan/geometry.js";
import { History } from "../../web/office/plan/history.js";
import { lineOf, readJson } from "../../web/office/plan/json.js";
import { indexOfLetters, lettersOf, numbersIn, ruleOfRows, rowNames, seatLabels, slug } from "../../web/office/plan/labels.js";
import { recognise } from "../../web/office/plan/recognise.js";

const PLAIN = {
  kind: "rows", area: "stalls", rows: 4, seats: [10], align: "centre", curve: 0, spacing: 20, rowSpacing: 22, aisles: [], x: 0, y: 0, rotation: 0,
  rowStyle: "letters", rowFrom: "A", rowReversed: false, numberFrom: 1, numberStep: 1, numberReversed: false,
};

/** Numbers that look random and are the same in each run. */
function dice(seed) {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return { whole: (least, most) => least + Math.floor(next() * (most - least + 1)), one: (list) => list[Math.floor(next() * list.length)] };
}

/** Sections as somebody may draw them. */
function sections(count) {
  const { whole, one } = dice(7);
  return Array.from({ length: count }, (_, index) => {
    const rows = whole(1, 14);
    const curve = one([0, 0, 5, 12, 30, 55]);
    const most = Math.max(1, Math.min(40, Math.floor((radiusOf(curve) * 4) / 20)));
    return {
      ...PLAIN,
      area: `s${index}`,
      rows,
      seats: one([true, false]) ? [whole(1, most)] : Array.from({ length: rows }, () => whole(1, most)),
      align: one(["centre", "left", "right"]),
      curve,
      spacing: one([18, 20, 22.5, 30]),
      rowSpacing: one([18, 22, 25.5, 40]),
      aisles: one([[], [], [4], [3, 9]]),
      x: whole(-800, 800) / 2,
      y: whole(-800, 800) / 2,
      rotation: whole(-179, 180),
      rowStyle: one(["letters", "numbers"]),
      rowFrom: one(["1", "7"]),
      rowReversed: one([true, false]),
      numberFrom: one([1, 2, 101]),
      numberStep: one([1, 2]),
      numberReversed: one([true, false]),
    };
  }).map((section) => (section.rowStyle === "letters" ? { ...section, rowFrom: section.rowFrom === "1" ? "A" : "Y" } : section));
}

test("no two seats of a section are nearer than its distances", () => {
  for (const section of sections(400)) {
    const seats = drawnRows(section).flatMap((row) => row.seats);
    const least = Math.min(section.spacing, section.rowSpacing);
    // On an arc the straight way from seat to seat is a little shorter than along it.
    assert.deepEqual(touching(seats, (least / 0.7) * 0.985), [], JSON.stringify(section));
  }
});

test("two seats that are too near are found", () => {
  const [row] = drawnRows({ ...PLAIN, rows: 1 });
  const other = { ...row.seats[3], seat: "other", x: row.seats[3].x + 13 };
  assert.deepEqual(touching([...row.seats, other], 20, 9).map((pair) => pair.map(({ seat }) => seat)), [["stalls.A-4", "other"], ["stalls.A-5", "other"]]);
});

test("ids and labels are unique in a section, and rows in their order", () => {
  for (const section of sections(400)) {
    const rows = drawnRows(section);
    const seats = rows.flatMap((row) => row.seats);
    assert.equal(new Set(seats.map(({ seat }) => seat)).size, seats.length);
    assert.equal(new Set(rows.map(({ row }) => row)).size, rows.length);
    for (const { seats: inRow } of rows) assert.equal(new Set(inRow.map(({ label }) => label)).size, inRow.length);
  }
});

test("rows of an arc have one middle, and its ends are nearer to the stage", () => {
  const rows = drawnRows({ ...PLAIN, curve: 30 });
  const radius = radiusOf(30);
  rows.forEach(({ seats }, row) => {
    for (const { x, y } of seats) assert.ok(Math.abs(Math.hypot(x, y + radius) - radius - row * 22) < 0.02);
    assert.ok(seats[0].y < seats[5].y);
  });
});

test("an aisle is at the same place in every row, and between the seats that it parts", () => {
  const rows = drawnRows({ ...PLAIN, rows: 3, seats: [10, 8, 10], align: "left", aisles: [4, 4, 0, 10] });
  for (const { seats, gaps_after } of rows) {
    assert.deepEqual(gaps_after, [4]);
    assert.equal(seats[4].x - seats[3].x, 40);
    assert.equal(seats[3].x, rows[0].seats[3].x);
  }
  assert.deepEqual(drawnRows({ ...PLAIN, rows: 2, seats: [10, 2], align: "left", aisles: [4] })[1].gaps_after, []);
});

test("the rules of every section that was drawn are found in its seats", () => {
  const missed = [];
  for (const drawn of sections(400)) {
    // Two seats in a row show no curve.
    const section = Math.max(...drawn.seats) < 3 ? { ...drawn, curve: 0 } : drawn;
    const rows = drawnRows(section).map(({ row, seats, gaps_after }) => ({ row, gaps_after, seats: seats.map(({ turn, ...seat }) => seat) }));
    const found = recognise({ area: section.area, rows });
    if (!found) missed.push(section);
    // Other rules may draw the same: what counts is the seats.
    else assert.deepEqual(drawnRows(found).map(({ seats }) => seats.map(({ seat, label }) => [seat, label])), rows.map(({ seats }) => seats.map(({ seat, label }) => [seat, label])));
  }
  assert.deepEqual(missed, []);
});

test("seats that follow no rule stay where they are", () => {
  const rows = drawnRows({ ...PLAIN, curve: 20, rotation: 30 });
  rows[1].seats[4] = { ...rows[1].seats[4], x: rows[1].seats[4].x + 0.5 };
  assert.equal(recognise({ area: "stalls", rows }), undefined);
  const plan = fromApi({ name: "x", areas: [{ area: "stalls", category: "seated", rows: rows.map(({ row, seats }) => ({ row, seats: seats.map(({ turn, ...seat }) => seat) })) }] });
  assert.equal(plan.sections[0].kind, "fixed");
  const seats = (of) => rowsOf(of).flatMap((row) => row.seats.map(({ seat, x, y }) => [seat, x, y]));
  assert.deepEqual(seats(plan.sections[0]), rows.flatMap((row) => row.seats.map(({ seat, x, y }) => [seat, x, y])));
  const { x, y } = plan.sections[0];
  const moved = seats({ ...plan.sections[0], x: x + 100, y: y - 7 });
  moved.forEach(([, across, down], index) => {
    const [, from, fromDown] = seats(plan.sections[0])[index];
    assert.ok(Math.abs(across - from - 100) < 0.02 && Math.abs(down - fromDown + 7) < 0.02);
  });
});

test("rows and seats are named in order", () => {
  assert.deepEqual([0, 25, 26, 51, 52, 701, 702].map(lettersOf), ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
  for (let index = 0; index < 2_000; index += 1) assert.equal(indexOfLetters(lettersOf(index)), index);
  assert.deepEqual(rowNames({ rows: 3, rowStyle: "letters", rowFrom: "Y", rowReversed: true }), ["AA", "Z", "Y"]);
  assert.deepEqual(seatLabels(3, { numberFrom: 2, numberStep: 2, numberReversed: true }), ["6", "4", "2"]);
  assert.equal(ruleOfRows(["A", "C", "B"]).rowStyle, "listed");
  assert.deepEqual([numbersIn("18, 20;22", 100), numbersIn("18 x", 100), numbersIn("101", 100)], [[18, 20, 22], undefined, undefined]);
  assert.deepEqual(["Parkett Mitte", "Größe 1", "«»"].map(slug), ["parkett-mitte", "grosse-1", ""]);
});

/** A plan with everything in it. */
function whole() {
  const plan = { ...emptyPlan("Stage"), name: "The house", plan: "house" };
  plan.sections.push(bounded({ ...newRows(plan, "Stalls"), curve: 20, aisles: [8], rotation: 5 }));
  plan.sections.push(newStanding(plan, "Floor"));
  plan.sections.push(copyOf(plan, plan.sections[0], "Stalls 2"));
  plan.sections[2] = { ...plan.sections[2], y: 900, category: "cheap" };
  plan.categories.push({ category: "cheap", name: "Cheap", color: "#7c3aed" });
  plan.shapes.push({ key: "k", shape: "polygon", x: 0, y: 400, points: [[0, 0], [10, 0], [0, 10]], rotation: 0, color: "#123456" });
  return plan;
}

test("a plan that was saved is opened as it was drawn", () => {
  const plan = whole();
  assert.deepEqual(problemsOf(plan), []);
  const api = JSON.parse(JSON.stringify(toApi(plan)));
  const opened = fromApi({ ...api, revision: 3 });
  assert.deepEqual(opened.sections.map(({ kind }) => kind), ["rows", "standing", "rows"]);
  const { key, ...section } = opened.sections[0];
  const { key: own, ...drawn } = plan.sections[0];
  assert.deepEqual(section, drawn);
  assert.deepEqual(JSON.parse(JSON.stringify(toApi(opened))), api);
  assert.deepEqual(readJson(JSON.stringify({ ...api, revision: 3 })), api);
});

test("a plan without places gets some", () => {
  const opened = fromApi({ plan: "t", name: "T", areas: [
    { area: "stalls", category: "good", rows: [{ row: "A", seats: 20, gaps_after: [10] }, { row: "B", seats: 18 }] },
    { area: "balcony", category: "good", rows: [{ row: "A", seats: [{ seat: "balcony.A-1", label: "1" }] }] },
    { area: "floor", category: "cheap", capacity: 50 },
  ] });
  assert.deepEqual(opened.categories, [{ category: "good" }, { category: "cheap" }]);
  assert.equal(seatsOfPlan(opened), 89);
  assert.deepEqual(problemsOf(opened).filter(({ code }) => code !== "x"), []);
});

test("what can not be saved, and what looks wrong, is said", () => {
  const codes = (changes, at = 0, change = {}) => {
    const plan = { ...whole(), ...changes };
    plan.sections = plan.sections.map((section, index) => (index === at ? { ...section, ...change } : section));
    return problemsOf(plan).map(({ code }) => code);
  };
  assert.deepEqual(codes({ name: " " }), ["no_plan_name"]);
  assert.deepEqual(codes({ plan: "The House" }), ["bad_plan_id"]);
  assert.deepEqual(codes({}, 0, { area: "stalls-2" }), ["area_twice", "seat_twice"]);
  assert.deepEqual(codes({}, 0, { category: "none" }), ["no_category"]);
  assert.deepEqual(codes({}, 0, { seats: [0] }), ["empty_section"]);
  assert.deepEqual(codes({}, 0, { rowStyle: "listed", rowNames: ["A", "A"] }), ["row_twice", "seat_twice"]);
  assert.deepEqual(codes({}, 0, { curve: 300, seats: [200] })[0], "too_curved");
  assert.deepEqual(codes({}, 2, { y: 5 + 60 }), ["touching"]);
  assert.deepEqual(codes({ sections: [] }), ["no_seats"]);
  assert.deepEqual(codes({}, 0, { rows: 300, seats: [1000] }), ["too_many_seats"]);
});

test("seats go through CSV and come back the same", () => {
  const plan = whole();
  const text = writeCsv(plan);
  const again = withAreas({ ...emptyPlan(), name: "The house", plan: "house", categories: plan.categories }, readCsv(text));
  const rows = ({ sections: all }) => all.filter(({ kind }) => kind !== "standing").map((section) => rowsOf(section).map(({ row, seats, gaps_after }) => [row, gaps_after, seats.map(({ seat, label, x, y }) => [seat, label, x, y])]));
  assert.deepEqual(rows(again), rows(plan));
  assert.deepEqual(again.sections.map(({ name, category, kind }) => [name, category, kind]), [["Stalls", "seated", "rows"], ["Stalls 2", "cheap", "rows"]]);
});

test("a spreadsheet's own ways are read: quotes, semicolons, decimal commas, a mark at the beginning", () => {
  const [area, other] = readCsv('\uFEFFSection;Row;Seat;x;y\r\n"Rang; links";A;1;0,5;10\r\n"Rang; links";A;2;20,5;10\r\n\r\n"Der ""Balkon""";1;7;0;90\r\n');
  assert.deepEqual(area, { area: "rang-links", section: "Rang; links", category: "seated", rows: [{ row: "A", gaps_after: [], seats: [{ seat: "rang-links.A-1", label: "1", x: 0.5, y: 10 }, { seat: "rang-links.A-2", label: "2", x: 20.5, y: 10 }] }] });
  assert.equal(other.section, 'Der "Balkon"');
  const plan = withAreas({ ...emptyPlan(), name: "x" }, readCsv("section,row,seat\nStalls,A,1\nStalls,A,2\nStalls,B,1\nStalls,B,2\nBalcony,A,1\n"));
  assert.deepEqual(plan.sections.map(({ kind, area: id }) => [kind, id]), [["rows", "stalls"], ["rows", "balcony"]]);
  assert.deepEqual(problemsOf({ ...plan, plan: "x" }), []);
});

test("what is wrong with a CSV is said with its line", () => {
  const refused = (text) => {
    try {
      readCsv(text);
    } catch ({ code, line }) {
      return `${code} ${line}`;
    }
    return "read";
  };
  const head = "section,row,seat,x,y\n";
  assert.equal(refused(`${head}S,A,1,0,0\nS,A,2,20,0\n`), "read");
  for (const [text, expected] of [
    ["", "nothing_in_file 1"],
    [head, "nothing_in_file 1"],
    ["section,seat\nS,1\n", "missing_column 1"],
    ["section,row,seat,x\nS,A,1,0\n", "missing_column 1"],
    ["section,row,seat,colour\nS,A,1,red\n", "unknown_column 1"],
    [`${head}S,A,1,0,0\nS,A,2,20\n`, "wrong_cells 3"],
    [`${head}S,A,1,0,0\nS,A,1,20,0\n`, "label_twice 3"],
    [`${head}S,A,1,0,0\n\nS,A,,20,0\n`, "empty_cell 4"],
    [`${head}S,A,1,0,zero\n`, "not_a_number 2"],
    [`${head}S,A,1,0,\n`, "not_a_number 2"],
    [`${head}"S\n\nS",A,1,0,0\nS,"A,1,0,0\n`, "open_quote 5"],
    ["section,row,seat,id\nS,A,1,a b\n", "bad_seat_in_file 2"],
    ["section,row,seat,id\nS,A,1,x\nS,A,2,x\n", "seat_twice_in_file 3"],
    ["section,row,seat,category\nS,A,1,VIP seats\n", "bad_category_in_file 2"],
  ]) {
    assert.equal(refused(text), expected, text);
  }
});

test("what is wrong with a JSON is said with its line", () => {
  const plan = { name: "P", areas: [{ area: "a", category: "c", rows: [{ row: "A", seats: [{ seat: "a-1", label: "1", x: 0, y: 0 }, { seat: "a-2", label: "2", x: 20, y: 0 }] }] }] };
  const refused = (change) => {
    const wrong = structuredClone(plan);
    change(wrong);
    try {
      readJson(JSON.stringify(wrong, null, 1));
    } catch ({ code, line }) {
      return `${code} ${line}`;
    }
    return "read";
  };
  assert.equal(refused(() => {}), "read");
  for (const [change, expected] of [
    [(p) => (p.extra = 1), "unknown_member 28"],
    [(p) => (p.areas[0].rows[0].seats[1].seat = "a-1"), "seat_twice_in_file 18"],
    [(p) => (p.areas[0].rows[0].seats[1].x = "20"), "not_a_number 20"],
    [(p) => delete p.areas[0].rows[0].seats[1].y, "half_a_place 17"],
    [(p) => (p.areas[0].rows[0].seats[1].label = ""), "not_a_text 19"],
    [(p) => (p.areas[0].capacity = 3), "rows_or_capacity 4"],
    [(p) => (p.areas[0].area = "The area"), "not_an_id 5"],
    [(p) => p.areas.push(p.areas[0]), "area_twice_in_file 28"],
    [(p) => (p.areas = []), "nothing_in_file 3"],
    [(p) => (p.zones = []), "is_pretix 28"],
    [(p) => (p.shapes = [{ shape: "star", x: 0, y: 0 }]), "no_such_shape 30"],
  ]) {
    assert.equal(refused(change), expected, String(change));
  }
  for (const [text, expected] of [['{\n"name": "P",\n"areas": [}\n', 3], ['{"a": 1,\n"b" 2}', 2], ["", 1], ['{"a":\n\n"b\n"}', 3], ['[1,\n2,]', 2], ['{}\n\n]', 3], ["[1,\n\n", 3]]) {
    assert.throws(() => readJson(text), ({ code, line }) => code === "not_json" && line === expected, text);
  }
  assert.equal(lineOf('{"a": "\\"]}",\n"b": [1, {"c": [true,\nnull]}]}', ["b", 1, "c", 1]), 3);
});

test("steps are taken back and done again, and one drag is one step", () => {
  const history = new History(0);
  history.push(1);
  history.push(2, "x");
  history.push(3, "x");
  assert.deepEqual([history.undo(), history.undo(), history.canUndo], [1, 0, false]);
  assert.deepEqual([history.redo(), history.redo(), history.canRedo], [1, 3, false]);
  history.push(4, "x");
  assert.deepEqual([history.undo(), history.redo()], [3, 4]);
  history.undo();
  history.push(5);
  assert.deepEqual([history.canRedo, history.undo()], [false, 3]);
});
