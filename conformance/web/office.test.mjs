// What the box office's page computes: times of other places, what seats and vouchers will cost, and the steps of a sale; and what it says.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Problem, Unreachable } from "../../web/api.js";
import { difference, paidOf, typeFor } from "../../web/office/exchange-price.js";
import { amountOf, Sale } from "../../web/office/sale.js";
import { instantOf, isZone } from "../../web/office/zones.js";

// A browser has one; node 20 has none.
globalThis.navigator ??= /** @type {any} */ ({ languages: ["en"] });
const { discountOf, minorUnits, mistake } = await import("../../web/office/voucher-terms.js");
const { readable } = await import("../../web/office/readable-csv.js");

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
  const list = read("domain/src/event.rs").match(/^events!\(([^)]*)\)/m)?.[1];
  const events = list.replaceAll(/\/\/.*$/gm, "").match(/\w+/g);
  assert.ok(events.includes("SeatLocked") && events.includes("TicketAdmitted"), String(events));
  // Of the server itself, on streams of its own.
  const campaigns = ["CampaignStarted", "CampaignCompleted", "CampaignEndRequested", "CampaignEnded"];
  const others = [...campaigns, "DeliveriesCheckpointed", "DeliveryAbandoned", "DeliveriesReplayed", "LossAccepted"];
  const named = read("web/staff/event-messages.js");
  assert.deepEqual(events.filter((name) => !others.includes(name) && !named.includes(` ${name}: "`)), []);
});

const read = (file) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

/** The messages of a file, in one language. */
function sentencesOf(file, language) {
  const own = read(file).match(new RegExp(`const ${language} = \\{\\n([^]*?)\\n\\};`))[1];
  return new Map([...own.matchAll(/^ {2}([a-z_]+): "(.*)",$/gm)].map(([, name, text]) => [name, text]));
}

test("each refusal of the server has a sentence for staff, in German too", () => {
  const codes = new Set([...read("api/src/problem/codes.rs").matchAll(/ = "([a-z_]+)", [A-Z_]+/g)].map(([, code]) => code));
  assert.ok(codes.size > 80, String(codes.size));
  const files = ["web/office/problem-messages.js", "web/staff/request-problem-messages.js"];
  for (const language of ["en", "de"]) {
    const known = new Map(files.flatMap((file) => [...sentencesOf(file, language)]));
    assert.deepEqual([...codes].filter((code) => !known.has(code)), [], language);
    // One code with two meanings, and the frame of a code that a later server may have.
    const others = [...known.keys()].filter((name) => !codes.has(name) && !name.startsWith("field_"));
    assert.deepEqual(others.sort(), ["other", "seats_unavailable"]);
  }
  // A copy is no translation.
  const [english, german] = ["en", "de"].map((language) => new Map(files.flatMap((file) => [...sentencesOf(file, language)])));
  assert.deepEqual([...english].filter(([name, text]) => !name.startsWith("field_") && german.get(name) === text), []);
});

test("of what new seats cost less, the buyer gets back what was paid of it", () => {
  const half = { amount: { value: 4251 }, discount: { value: 4250 } };
  assert.equal(paidOf(3000, { amount: { value: 8500 } }), 3000);
  assert.equal(paidOf(3000, half), 1500, "rounded down");
  assert.equal(paidOf(3000, { amount: { value: 0 }, discount: { value: 8500 } }), 0, "a voucher paid all");
  assert.equal(paidOf(3000, { amount: { value: 0 } }), 0, "given away");
  assert.equal(paidOf(0, half), 0);
  assert.equal(paidOf(-500, half), 0);
});

test("an exchange is compared with its fees, and without discounts", () => {
  const leaves = [{ seat: "A-1", price: 8500, fee: 150 }, { seat: "A-2", price: 8500 }];
  assert.equal(difference(leaves, [8500, 8500], { per_seat: 75 }), 0);
  assert.equal(difference(leaves, [5500, 8500], undefined), -3150);
  assert.equal(difference(leaves.slice(0, 1), [9000], { per_seat: 150, per_booking: 200 }), 500, "the booking has paid its own fee once");
  assert.deepEqual([typeFor(["adult", "child"], "child"), typeFor(["adult"], "child"), typeFor([], "child")], ["child", "adult", undefined]);
});

test("what vouchers are worth is read as it is typed", () => {
  assert.deepEqual(["5", "5.5", "5,50", "0.05"].map((text) => minorUnits(text, "EUR")), [500, 550, 550, 5]);
  assert.deepEqual(["500", "1.500"].map((text) => minorUnits(text, text === "500" ? "JPY" : "KWD")), [500, 1500]);
  for (const [text, currency] of [["5.555", "EUR"], ["5.5", "JPY"], ["-5", "EUR"], ["five", "EUR"], ["", "EUR"], ["1.000,00", "EUR"]]) assert.ok(Number.isNaN(minorUnits(text, currency)), text);
  const typed = { kind: "percent", value: "50", count: "1", uses: "1", block: "" };
  assert.equal(mistake(typed, "EUR"), undefined);
  assert.deepEqual(discountOf(typed, "EUR"), { percent: 50 });
  assert.deepEqual(discountOf({ ...typed, kind: "amount", value: "4,20" }, "EUR"), { amount: { value: 420, currency: "EUR" } });
  assert.deepEqual(discountOf({ ...typed, kind: "goods", value: " A drink " }, "EUR"), { goods: "A drink" });
  assert.equal(discountOf({ ...typed, kind: "nothing" }, "EUR"), undefined);
  for (const wrong of [{ value: "0" }, { value: "101" }, { value: "5.5" }, { count: "0" }, { count: "100001" }, { uses: "1001" }, { kind: "amount", value: "0" }, { kind: "free_seats", value: "" }, { kind: "goods", value: " " }, { kind: "nothing" }]) {
    assert.ok(mistake({ ...typed, ...wrong }, "EUR"), JSON.stringify(wrong));
  }
});

/** A server at which a sale is tried: it answers as `answers` says, by the end of the path. */
function till(answers, voucher = "CODE") {
  const sent = [];
  const call = async (method, path, { key, body } = {}) => {
    const step = method === "POST" ? path.split("/").at(-1) : method;
    sent.push([step, key]);
    const answer = answers[step];
    if (answer instanceof Error) throw answer;
    return { body: typeof answer === "function" ? answer(body) : answer };
  };
  return { sent, sale: new Sale({ call, show: "demo", order: { seats: ["A-1"], reference: "Table 4" }, tender: "cash", key: "k", voucher }) };
}
const refused = (code) => new Problem(409, { code, detail: code });
const HELD = { id: "1", status: "held" };

test("a sale with a voucher waits until the buyer knows what it costs", async () => {
  const { sent, sale } = till({ bookings: HELD, voucher: { ...HELD, amount: 4250 }, payment: { ...HELD, status: "confirmed" } });
  await sale.run();
  assert.deepEqual([sale.state, sale.isOpen, sale.booking.amount], ["ready", true, 4250]);
  assert.deepEqual(sent, [["bookings", "k"], ["voucher", "k.voucher"]], "nothing is paid yet");
  await sale.agree();
  assert.deepEqual([sale.state, sent.at(-1)], ["sold", ["payment", "k.payment"]]);
});

test("a voucher that is refused ends the hold, and one without an answer is tried again with the same key", async () => {
  const wrong = till({ bookings: HELD, voucher: refused("voucher_not_usable"), DELETE: { ...HELD, status: "aborted" } });
  await assert.rejects(wrong.sale.run(), { code: "voucher_not_usable" });
  assert.deepEqual([wrong.sale.state, wrong.sent.map(([step]) => step)], ["refused", ["bookings", "voucher", "DELETE"]]);

  const answers = { bookings: HELD, voucher: new Unreachable("cut") };
  const lost = till(answers);
  await assert.rejects(lost.sale.run());
  assert.deepEqual([lost.sale.state, lost.sale.isOpen], ["unknown", true]);
  answers.voucher = { ...HELD, amount: 4250 };
  await lost.sale.run();
  assert.deepEqual([lost.sale.state, lost.sent], ["ready", [["bookings", "k"], ["voucher", "k.voucher"], ["voucher", "k.voucher"]]]);
});

test("a sale without a voucher is paid at once", async () => {
  const { sent, sale } = till({ bookings: HELD, payment: { ...HELD, status: "confirmed" } }, "");
  await sale.run();
  assert.deepEqual([sale.state, sent.map(([step]) => step)], ["sold", ["bookings", "payment"]]);
});

test("a file of bookings has amounts in major units and times of the venue, beside what the server wrote", () => {
  const text = [
    "id,reference,amount,currency,opened_at,expires_at,confirmed_at,refunded,discount",
    '1,"say ""hi"", twice\r\n=1",8500,EUR,2026-11-20T23:30:00.250Z,2026-07-20T17:30:00Z,,5,0',
    "2,,5000,JPY,2026-11-20T10:00:00Z,2026-11-20T10:05:00Z,2026-11-20T10:01:00Z,0,0",
    "",
  ];
  const added = readable(text.join("\r\n"), "Europe/Vienna").split("\r\n");
  assert.equal(added[0], `${text[0]},amount_major,refunded_major,discount_major,opened_local,expires_local,confirmed_local,timezone`);
  assert.equal(`${added[1]}\r\n${added[2]}`, `${text[1]},85.00,0.05,0.00,2026-11-21 00:30:00,2026-07-20 19:30:00,,Europe/Vienna`);
  assert.equal(added[3], `${text[2]},5000,0,0,2026-11-20 11:00:00,2026-11-20 11:05:00,2026-11-20 11:01:00,Europe/Vienna`);
  assert.equal(readable(`${text[0]}\r\n`).split("\r\n").length, 2, "no bookings, no lines");
  assert.equal(readable("id,amount_major\r\n1,85.00\r\n"), "id,amount_major\r\n1,85.00\r\n", "a server that writes them is left alone");
});
