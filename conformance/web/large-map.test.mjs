// The map of a large show: which seat is hit, which tiles are drawn, where sections end.

import assert from "node:assert/strict";
import { test } from "node:test";

// What a page has, and node has not.
globalThis.navigator ??= { languages: ["en-GB"] };
globalThis.requestAnimationFrame ??= () => 0;
const load = (name) => import(new URL(`../../web/large-map/${name}.js`, import.meta.url));
const [{ SpatialIndex }, { areaOf, inOrder, stepOf, TILE, tilesOver, TileStore }] = await Promise.all([load("spatial-index"), load("tiles")]);
const [{ outlineOf }, { Camera }, { Seats, AVAILABLE }] = await Promise.all([load("outlines"), load("camera"), load("model")]);

/** The same numbers each time. */
function numbers(seed) {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

function scattered(count, side) {
  const next = numbers(7);
  return [Float32Array.from({ length: count }, () => next() * side), Float32Array.from({ length: count }, () => next() * side)];
}

test("the nearest seat is the one that a comparison with all of them finds", () => {
  const [x, y] = scattered(3_000, 1_000);
  const index = new SpatialIndex(x, y, 40);
  const next = numbers(3);
  let hits = 0;
  for (let round = 0; round < 2_000; round += 1) {
    const [px, py, reach] = [next() * 1_100 - 50, next() * 1_100 - 50, next() * 30];
    let [nearest, least] = [-1, Infinity];
    x.forEach((_, seat) => {
      const far = Math.hypot(x[seat] - px, y[seat] - py);
      if (far < least) [nearest, least] = [seat, far];
    });
    assert.equal(index.nearest(px, py, reach), least <= reach ? nearest : -1);
    hits += least <= reach ? 1 : 0;
  }
  assert.ok(hits > 500 && hits < 1_900, String(hits));
});

test("a rectangle has the seats in it, each once, however far it reaches", () => {
  const [x, y] = scattered(2_000, 500);
  const index = new SpatialIndex(x, y, 40);
  for (const [left, top, right, bottom] of [[100, 50, 300, 90], [-900, -900, 900, 900], [600, 0, 700, 500], [250, 250, 250.5, 250.5]]) {
    const found = [];
    index.within(left, top, right, bottom, (seat) => found.push(seat));
    const expected = [...x.keys()].filter((seat) => x[seat] >= left && x[seat] <= right && y[seat] >= top && y[seat] <= bottom);
    assert.deepEqual(found.sort((a, b) => a - b), expected);
  }
});

test("a house without seats, or with one, can be asked as well", () => {
  assert.equal(new SpatialIndex(new Float32Array(), new Float32Array(), 40).nearest(0, 0, 100), -1);
  const one = new SpatialIndex(Float32Array.of(5), Float32Array.of(5), 40);
  assert.equal(one.nearest(8, 9, 5), 0);
  assert.equal(one.nearest(8, 9.1, 5), -1);
});

test("tiles cover what is seen, without gaps and without tiles that are not seen", () => {
  for (const scale of [0.25, 1, 1.5, 2.8]) {
    const view = { left: -130, top: 12, right: 871, bottom: 640 };
    const range = tilesOver(view, scale);
    const [first, last] = [areaOf({ column: range.left, row: range.top }, scale), areaOf({ column: range.right, row: range.bottom }, scale)];
    assert.ok(first.left <= view.left && first.top <= view.top && last.right >= view.right && last.bottom >= view.bottom);
    assert.ok(first.right > view.left && first.bottom > view.top && last.left < view.right && last.top < view.bottom);
    const tiles = inOrder(range);
    assert.equal(new Set(tiles.map(({ column, row }) => `${column}:${row}`)).size, (range.right - range.left + 1) * (range.bottom - range.top + 1));
    const next = areaOf({ column: range.left + 1, row: range.top }, scale);
    assert.equal(next.left, first.right);
  }
});

test("while the scale changes a tile is never shown larger or smaller by more than a fifth", () => {
  for (let scale = 0.1; scale < 6; scale *= 1.03) {
    const ratio = scale / stepOf(scale);
    assert.ok(ratio <= 1.2 && ratio >= 1 / 1.2, `${scale}: ${ratio}`);
  }
});

test("a seat on a border is redrawn in each tile that shows it, at each scale", () => {
  const store = new TileStore(() => ({}));
  for (const [scale, column, row] of [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 5, 5], [2, 1, 0], [2, 3, 0]]) store.add(scale, column, row);
  const seen = [];
  store.over({ left: TILE - 10, top: 40, right: TILE + 10, bottom: 60 }, ({ scale, column, row }) => seen.push([scale, column, row]));
  assert.deepEqual(seen, [[1, 0, 0], [1, 1, 0], [2, 1, 0]]);
});

test("tiles of the scales that were used last are kept, and bitmaps are used again", () => {
  let made = 0;
  const store = new TileStore(() => ({ number: (made += 1) }), 4);
  for (const column of [0, 1]) store.add(1, column, 0);
  for (const column of [0, 1]) store.add(2, column, 0);
  store.add(1, 2, 0);
  assert.equal(store.count, 4);
  assert.ok(store.get(1, 0, 0) && store.get(1, 2, 0) && store.get(2, 1, 0));
  assert.equal(store.get(2, 0, 0), undefined);
  store.add(1, 3, 0);
  assert.equal(made, 5);
  store.clear();
  assert.deepEqual([store.count, store.get(1, 0, 0)], [0, undefined]);
});

/** Whether a point is within a polygon: by the sides that a line to the right of it crosses. */
function contains(polygon, px, py) {
  let inside = false;
  polygon.forEach(([x, y], index) => {
    const [nextX, nextY] = polygon[(index + 1) % polygon.length];
    if (y > py !== nextY > py && px < x + ((nextX - x) * (py - y)) / (nextY - y)) inside = !inside;
  });
  return inside;
}

/** Rows as typed arrays: a list of places for each row. */
function rowsOf(rows) {
  const places = rows.flat();
  const starts = rows.reduce((ends, row) => [...ends, ends.at(-1) + row.length], [0]);
  return { x: Float32Array.from(places, ([x]) => x), y: Float32Array.from(places, ([, y]) => y), rowStart: Uint32Array.from(starts) };
}

const arc = (radius, count) => Array.from({ length: count }, (_, seat) => {
  const angle = ((seat - (count - 1) / 2) * 20) / radius;
  return [radius * Math.sin(angle), radius * Math.cos(angle)];
});

test("the outline of a section has all of its seats in it", () => {
  const straight = Array.from({ length: 5 }, (_, row) => Array.from({ length: 8 }, (_, seat) => [seat * 20, row * 22]));
  const sections = {
    straight,
    "every other row from the right": straight.map((row, index) => (index % 2 ? [...row].reverse() : row)),
    "a row": [straight[0]],
    "a seat": [[[3, 4]]],
    "two rows of one seat": [[[0, 0]], [[0, 22]]],
    curved: Array.from({ length: 12 }, (_, row) => arc(500 + row * 22, 20 + row)),
    "seen from behind": Array.from({ length: 12 }, (_, row) => arc(500 + row * 22, 20 + row).map(([x, y]) => [x, -y])),
    "at the side": straight.map((row) => row.map(([x, y]) => [y, x])),
  };
  for (const [name, rows] of Object.entries(sections)) {
    const seats = rowsOf(rows);
    const outline = outlineOf(seats, { firstRow: 0, lastRow: rows.length - 1 }, 15);
    for (const [x, y] of rows.flat()) {
      for (const [dx, dy] of [[0, 0], [7, 0], [-7, 0], [0, 7], [0, -7]]) assert.ok(contains(outline, x + dx, y + dy), `${name}: ${x + dx}, ${y + dy}`);
    }
    const far = Math.max(...rows.flat().map(([x]) => x)) + 40;
    assert.ok(!contains(outline, far, rows[0][0][1] + 0.1), name);
  }
});

function camera(box = { x: -2_000, y: 0, width: 4_000, height: 3_000 }) {
  const made = new Camera(() => {}, () => true);
  made.resize(800, 600);
  made.fit(box);
  return made;
}

test("the point under the pointer stays there while the map is zoomed", () => {
  const view = camera();
  assert.ok(view.isWhole);
  view.around(4, 300, 200);
  const before = view.toPaper(300, 200);
  view.around(1.7, 300, 200);
  const after = view.toPaper(300, 200);
  assert.ok(Math.hypot(after.x - before.x, after.y - before.y) < 1e-6);
  const { x, y } = view.toWindow(after.x, after.y);
  assert.ok(Math.hypot(x - 300, y - 200) < 1e-6);
});

test("the map can't be moved out of the window, zoomed out beyond the whole, or in beyond the largest seat", () => {
  const view = camera();
  view.around(0.01, 10, 10);
  assert.ok(view.isWhole);
  view.around(1e6, 400, 300);
  assert.equal(view.pitch, 56);
  view.pan(1e7, 1e7);
  assert.ok(view.view.left >= -2_000 - 20 && view.view.top >= -20);
  view.pan(-1e7, -1e7);
  assert.ok(view.view.right <= 2_000 + 20 && view.view.bottom <= 3_000 + 20);
});

test("an opened section is shown as a whole, or around a point of it if its seats would be too small", () => {
  const view = camera();
  view.show({ left: 100, top: 100, right: 500, bottom: 300 }, 16, { x: 0, y: 0 });
  const { left, right } = view.view;
  assert.ok(left < 100 && right > 500 && view.pitch >= 16);
  view.show({ left: -2_000, top: 0, right: 2_000, bottom: 3_000 }, 16, { x: 700, y: 900 });
  assert.ok(Math.abs(view.pitch - 16) < 1e-9);
  assert.ok(Math.abs(view.toWindow(700, 900).x - 400) < 1e-6);
});

test("seats are cut into rows and sections, and the count of free seats follows each change", () => {
  const seats = ["North", "South"].flatMap((section, block) =>
    ["A", "B"].flatMap((row, number) =>
      Array.from({ length: 5 }, (_, index) => {
        const state = block === 0 && row === "A" ? "booked" : "available";
        return { seat: `${section}.${row}-${index + 1}`, area: section, section, row, label: String(index + 1), price: 1_000 * (block + 1), state, x: index * 30, y: block * 200 + number * 30 };
      }),
    ),
  );
  const model = new Seats({ areas: [], currency: "EUR" }, seats);
  assert.deepEqual(model.sections.map(({ name, free, total, least }) => [name, free, total, least]), [["North", 5, 10, 1_000], ["South", 10, 10, 2_000]]);
  assert.deepEqual([...model.rowStart], [0, 5, 10, 15, 20]);
  // Not the middle of row A, which is sold.
  assert.equal(model.id(model.entry(0)), "North.B-3");
  const seat = model.find("South.A-2");
  assert.equal(model.section(seat), 1);
  assert.ok(model.setState(seat, 3));
  assert.ok(!model.setState(seat, 3));
  assert.equal(model.sections[1].free, 9);
  model.setMine(seat, true);
  assert.ok(model.setState(seat, AVAILABLE));
  assert.ok(model.isMine(seat));
  assert.equal(model.sections[1].free, 10);
  model.setMine(seat, false);
  assert.ok(model.isFree(seat));
  assert.equal(model.index.nearest(model.x[seat] + 3, model.y[seat], 10), seat);
  assert.equal(model.find("South.Z-1"), -1);
});
