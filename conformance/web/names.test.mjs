// Seats as their plans print them: two plans may have the same ids.

import assert from "node:assert/strict";
import { test } from "node:test";

// A browser has one; node 20 has none.
globalThis.navigator ??= /** @type {any} */ ({ languages: ["en"] });
const { Inventory } = await import("../../web/inventory.js");
const { layOut } = await import("../../web/layout.js");
const { parts, placeNames, printed, seatName } = await import("../../web/words.js");

/** The inventory of a show on a plan of one row, with what is printed on it. */
function houseOf(section, row, labels) {
  const inventory = new Inventory();
  const seats = labels.map((label, index) => ({ seat: `stalls.A-${index + 1}`, label, x: index * 50, y: 0 }));
  const areas = [{ area: "stalls", price: 4500, labelled: true, rows: [{ row, seats: "a".repeat(labels.length) }] }];
  inventory.reset({ areas }, { areas: [{ area: "stalls", section, rows: [{ row, seats }] }], shapes: [] });
  return inventory;
}

test("a seat has the name of its own plan, whichever was read last", () => {
  const opera = houseOf("Parquet", "C", ["11", "12"]);
  const club = houseOf(undefined, "1", ["7", "8"]);
  const nameIn = (inventory) => seatName(inventory.named("stalls.A-2"));
  assert.deepEqual([opera, club, opera].map(nameIn), ["Parquet, row C seat 12", "Row 1 seat 8", "Parquet, row C seat 12"]);
  assert.deepEqual(parts(opera.named("stalls.A-1")), { section: "Parquet", row: "C", number: "11" });
});

test("what no plan prints is named by its id", () => {
  const club = houseOf(undefined, "1", ["7"]);
  assert.equal(seatName(club.named("balcony.B-3")), "Balcony, row B seat 3");
  assert.deepEqual(["A-12", "BOX-3-2", "7", "floor:4"].map(seatName), ["Row A seat 12", "Row BOX-3 seat 2", "Seat 7", "Floor, place 4"]);
});

test("a house of one section needs no names of sections", () => {
  const inventory = houseOf("Parquet", "C", ["11"]);
  assert.equal(inventory.hasOneSection, true);
  const areas = ["stalls", "circle"].map((area) => ({ area, price: 4500, labelled: true, rows: [{ row: "A", seats: "a" }] }));
  const drawn = ["stalls", "circle"].map((area) => ({ area, section: area, rows: [{ row: "A", seats: [{ seat: `${area}.A-1`, label: "1", x: 0, y: 0 }] }] }));
  inventory.reset({ areas }, { areas: drawn, shapes: [] });
  assert.equal(inventory.hasOneSection, false);
  inventory.reset({ areas }, undefined);
  assert.equal(inventory.hasOneSection, false);
});

test("a list has what the plan prints, and a short id where that is printed", () => {
  const opera = houseOf("Parquet", "C", ["11", "12", "9"]);
  const booked = [{ seat: "s2", row: "C", label: "12" }, { seat: "s1", row: "C", label: "9" }, "floor:4", "floor:1"];
  assert.deepEqual(placeNames(["stalls.A-3", "stalls.A-2"].map(opera.named, opera)), ["Parquet, row C seat 9", "Parquet, row C seat 12"]);
  assert.deepEqual(placeNames(booked), ["Row C seat 9", "Row C seat 12", "Floor × 2"]);
  assert.deepEqual(placeNames(["A-10", "A-9", "balcony.B-3"]), ["A-9", "A-10", "Balcony, row B seat 3"]);
  assert.deepEqual(placeNames([{ seat: "A-9" }, { seat: "floor:1" }]), ["A-9", "Floor × 1"]);
});

test("of a list that is printed in part, nothing is left out", () => {
  const places = [{ seat: "s17", section: "Parquet", row: "C", label: "11" }];
  assert.deepEqual(placeNames(printed(["floor:3", "s17"], places)), ["Parquet, row C seat 11", "Floor × 1"]);
  assert.deepEqual(placeNames(printed(["floor:3", "A-2"])), ["A-2", "Floor × 1"]);
});

test("a map whose seats have no places names the section, too", () => {
  const seat = { area: "stalls", section: "Parquet", row: "C", label: "11", price: 4500 };
  assert.deepEqual(layOut([], [{ ...seat, seat: "s1" }]).names.map(({ section }) => section), ["Parquet"]);
  assert.deepEqual(layOut([], [{ area: "stalls", price: 4500, seat: "A-1" }]).names.map(({ section }) => section), [undefined]);
});
