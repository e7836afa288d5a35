// What the box office's page computes: times of other places, and what seats will cost.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { amountOf } from "../../web/office/sale.js";
import { instantOf, isZone } from "../../web/office/zones.js";

test("a time is that of the venue, wherever it is typed", () => {
  for (const [text, zone, instant] of [
    ["2026-11-20T19:30", "Europe/Berlin", "2026-11-20T18:30:00.000Z"],
    ["2026-07-20T19:30", "Europe/Berlin", "2026-07-20T17:30:00.000Z"],
    ["2026-11-20T19:30", "Asia/Kathmandu", "2026-11-20T13:45:00.000Z"],
    ["2026-12-31T23:30", "Pacific/Kiritimati", "2026-12-31T09:30:00.000Z"],
    ["2026-12-31T00:00", "UTC", "2026-12-31T00:00:00.000Z"],
    // The clock shows it twice: the first time. And never: as much later.
    ["2026-10-25T02:30", "Europe/Berlin", "2026-10-25T00:30:00.000Z"],
    ["2026-03-29T02:30", "Europe/Berlin", "2026-03-29T01:30:00.000Z"],
    ["2026-03-29T03:30", "Europe/Berlin", "2026-03-29T01:30:00.000Z"],
    ["2026-03-08T01:30", "America/New_York", "2026-03-08T06:30:00.000Z"],
    ["2026-03-08T03:30", "America/New_York", "2026-03-08T07:30:00.000Z"],
  ]) {
    assert.equal(instantOf(text, zone).toISOString(), instant, `${text} ${zone}`);
  }
  assert.deepEqual(["Europe/Berlin", "UTC", "Mars/Olympus", ""].map(isZone), [true, true, false, false]);
});

test("the till's total has the prices and both fees", () => {
  assert.equal(amountOf(undefined, [4500, 1500]), 6000);
  assert.equal(amountOf({ per_seat: 150, per_booking: 200 }, [4500, 1500]), 6500);
  assert.equal(amountOf({ per_seat: 150 }, [0]), 150);
});

test("each event that a sale can write has a name for people", () => {
  const read = (file) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
  const list = read("domain/src/event.rs").match(/^events!\(([^)]*)\)/m)?.[1];
  const events = list.replaceAll(/\/\/.*$/gm, "").match(/\w+/g);
  assert.ok(events.includes("SeatLocked") && events.includes("TicketAdmitted"), String(events));
  // Of the server itself, on streams of its own.
  const others = ["CampaignStarted", "CampaignCompleted", "DeliveriesCheckpointed", "DeliveryAbandoned", "DeliveriesReplayed", "LossAccepted"];
  const named = read("web/staff/event-messages.js");
  assert.deepEqual(events.filter((name) => !others.includes(name) && !named.includes(` ${name}: "`)), []);
});

test("each refusal that has a sentence for staff is one of the server's", () => {
  const read = (file) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
  const codes = new Set([...read("api/src/problem/codes.rs").matchAll(/ = "([a-z_]+)", [A-Z_]+/g)].map(([, code]) => code));
  assert.ok(codes.size > 80, String(codes.size));
  const own = read("web/office/problem-messages.js").match(/const en = \{([^}]|\}(?!;))*\};/)[0];
  const named = [...own.matchAll(/^ {2}([a-z_]+): /gm)].map(([, name]) => name);
  assert.ok(named.includes("sold_out"));
  // One code with two meanings.
  assert.deepEqual(named.filter((name) => !codes.has(name)), ["seats_unavailable"]);
});
