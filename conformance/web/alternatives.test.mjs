// What is offered instead of what is sold out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { candidates, nextBest } from "../../web/alternatives.js";

const NOW = Date.parse("2030-01-01T00:00:00Z");
const show = (id, starts_at, venue, status = "on_sale") => ({ id, starts_at, venue, status });

test("shows of the same house come first, then those nearest in time", () => {
  const own = show("own", "2030-05-10T19:00:00Z", "Opera");
  const shows = [
    own,
    show("far", "2030-09-01T19:00:00Z", "Opera"),
    show("next-door", "2030-05-10T20:00:00Z", "Club"),
    show("day-before", "2030-05-09T19:00:00Z", "Opera"),
    show("undated", undefined, "Club"),
    show("yesterday", "2029-12-31T19:00:00Z", "Opera"),
    show("paused", "2030-05-11T19:00:00Z", "Opera", "paused"),
    show("cancelled", "2030-05-11T19:00:00Z", "Opera", "cancelled"),
  ];
  assert.deepEqual(candidates(shows, own, NOW).map(({ id }) => id), ["day-before", "far", "next-door", "undated"]);
});

test("no more than twelve shows are asked for their seats", () => {
  const many = Array.from({ length: 40 }, (_, number) => show(`show-${number}`));
  assert.equal(candidates(many, show("own"), NOW).length, 12);
});

test("the next best costs about the same, and of two the cheaper is taken", () => {
  const others = [{ name: "a", price: 9000, free: 1 }, { name: "b", price: 5000, free: 1 }, { name: "c", price: 7100, free: 0 }, { name: "d", price: 2000, free: 9 }];
  assert.equal(nextBest(7000, others).name, "b");
  assert.equal(nextBest(8900, others).name, "a");
  assert.equal(nextBest(7000, others.map((other) => ({ ...other, free: 0 }))), undefined);
});
