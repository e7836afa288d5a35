// The wallet's rules: what a booking is at, and which is shown first.

import assert from "node:assert/strict";
import { test } from "node:test";

// The language is the browser's; node 20 has none.
globalThis.navigator ??= /** @type {any} */ ({ languages: ["en-GB"] });
const { byDate, explanation, groupOf, placeOf, stateOf } = await import("../../web/wallet/names.js");

const card = (booking, show = {}, more = {}) => ({ id: "b", booking: { status: "confirmed", opened_at: "2030-01-01T00:00:00Z", ...booking }, show: { status: "on_sale", ...show }, ...more });
const now = Date.parse("2030-06-01T20:00:00Z");

test("a booking is at what its buyer has to know first", () => {
  assert.equal(stateOf(card({})), "confirmed");
  assert.equal(stateOf(card({ status: "held" })), "held");
  assert.equal(stateOf(card({ payment: { refund_requested: true } })), "refunding");
  assert.equal(stateOf(card({}, { status: "cancelled" })), "show_cancelled");
  assert.equal(stateOf(card({ status: "refunded" }, { status: "cancelled" })), "refunded");
  assert.equal(stateOf(card({}, {}, { gone: true })), "unknown");
  assert.match(explanation(card({ status: "aborted", reason: "expired" })), /not charged/);
  assert.equal(explanation(card({ status: "aborted", reason: "fenced" })), explanation(card({ status: "aborted", reason: "seat_lost" })));
});

test("what has to be paid, what can be shown and what is over are apart", () => {
  const group = (...args) => groupOf(card(...args), now);
  assert.deepEqual(["held", "paying", "action_required"].map((status) => group({ status })), ["pending", "pending", "pending"]);
  assert.deepEqual(["aborted", "refunded"].map((status) => group({ status })), ["earlier", "earlier"]);
  assert.equal(group({}), "ready");
  // A long night, and the day after it.
  assert.equal(group({}, { starts_at: "2030-06-01T09:00:00Z" }), "ready");
  assert.equal(group({}, { starts_at: "2030-06-01T07:00:00Z" }), "earlier");
  assert.equal(group({}, {}, { gone: true }), "earlier");
});

test("the next show comes first, and those without a date last", () => {
  const at = (id, starts_at) => ({ ...card({}, { starts_at }), id });
  const sorted = [at("none"), at("late", "2099-02-01T00:00:00Z"), at("soon", "2099-01-01T00:00:00Z")].sort(byDate).map(({ id }) => id);
  assert.deepEqual(sorted, ["soon", "late", "none"]);
});

test("a place is named as the plan prints it", () => {
  assert.equal(placeOf({ seat: "A-1" }), "Row A seat 1");
  assert.equal(placeOf({ seat: "x-1", section: "Stalls", row: "C", label: "12" }), "Stalls, row C, seat 12");
  assert.equal(placeOf({ seat: "x-1", row: "C", label: "12" }), "Row C, seat 12");
  assert.equal(placeOf({ seat: "x-1", label: "12" }), "12");
});
