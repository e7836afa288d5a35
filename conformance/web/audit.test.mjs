// A sale at any moment: forwards and backwards lead to the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bookingOf, chainOf, Replay, streamsOf } from "../../web/audit/replay.js";
import { ticketOf } from "../../web/audit/tickets.js";
import { Lines } from "../../web/audit/lines.js";

const types = ["SeatLocked", "SeatBooked", "SeatReleased", "SeatBlocked", "SeatUnblocked"];
/** Numbers that look random and are always the same. */
function* dice(seed) {
  for (let state = seed; ; state = (state * 1_103_515_245 + 12_345) % 2 ** 31) yield state >> 8;
}

test("wherever one comes from, a moment is the same", () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const roll = dice(seed);
    const next = (most) => roll.next().value % most;
    const events = Array.from({ length: 60 }, (_, index) => ({ position: 10 * index + 10, id: `e${index}`, stream: `seat-demo.A-${next(5)}`, revision: 0, type: types[next(types.length)], data: {}, metadata: {} }));
    const states = (at) => {
      const replay = new Replay(events);
      replay.moveTo(at);
      return ["A-0", "A-1", "A-2", "A-3", "A-4"].map((seat) => replay.state(seat)).join();
    };
    const wanderer = new Replay(events);
    for (let step = 0; step < 100; step += 1) {
      const at = next(61);
      wanderer.moveTo(at);
      assert.equal(["A-0", "A-1", "A-2", "A-3", "A-4"].map((seat) => wanderer.state(seat)).join(), states(at));
    }
  }
});

test("a position is the moment after its event, one between two the moment after the first", () => {
  const replay = new Replay([10, 20, 30].map((position) => ({ position, id: String(position), stream: "show-demo", revision: 0, type: "SalesPaused", data: {}, metadata: {} })));
  assert.deepEqual([0, 9, 10, 15, 30, 99].map((position) => replay.indexOf(position)), [0, 0, 1, 1, 3, 3]);
});

test("a chain has each event once, with what it follows from", () => {
  const event = (position, id, cause, stream = "booking-b") => ({ position, id, stream, revision: 0, type: "X", data: {}, metadata: { $correlationId: "b", $causationId: cause } });
  const all = [event(3, "three", "one"), event(1, "one", "request"), event(2, "two", "one", "seat-demo.A-1"), event(2, "two", "one", "seat-demo.A-1"), { ...event(4, "four", "x"), stream: "booking-c", metadata: { $correlationId: "c" } }];
  assert.deepEqual(chainOf(all, "b").map(({ position, cause }) => [position, cause]), [[1, undefined], [2, 1], [3, 1]]);
});

test("an event that belongs to no booking leads to none", () => {
  const event = (type, data) => ({ position: 1, id: "one", stream: "x", revision: 0, type, data, metadata: { $correlationId: "b" } });
  assert.equal(bookingOf(event("SeatLocked", { booking: "b" })), "b");
  assert.equal(bookingOf(event("VoucherCreated", { source: { reward: { reward: "r" } } })), "b");
  for (const data of [{ show: "demo" }, { block: "b", show: "demo" }, { source: { campaign: { campaign: "b", number: 1 } } }]) {
    assert.equal(bookingOf(event("X", data)), undefined);
  }
});

const seat = (position, type, data = {}, name = "A-1") => ({ position, id: String(position), stream: `seat-demo.${name}`, revision: 0, type, data, metadata: {} });

test("a seat that was bought from a block goes back into it", () => {
  const replay = new Replay([seat(1, "SeatBlocked", { block: "x" }), seat(2, "SeatLocked", { booking: "b", block: "x" }), seat(3, "SeatReleased", { booking: "b", block: "x" }), seat(4, "SeatUnblocked", { block: "x" })]);
  const states = [0, 1, 2, 3, 4].map((at) => (replay.moveTo(at), replay.state("A-1")));
  assert.deepEqual(states, ["available", "unavailable", "locked", "unavailable", "available"]);
});

test("a lock of the first version is one, and an event of no seat changes none", () => {
  const replay = new Replay([seat(1, "SeatReserved"), { ...seat(2, "SeatBooked"), stream: "booking-x.A-1" }]);
  replay.moveTo(2);
  assert.equal(replay.state("A-1"), "locked");
});

test("a moment between two events of one command is named as one", () => {
  const caused = (position, cause) => ({ ...seat(position, "SeatLocked", {}, `A-${position}`), metadata: { $causationId: cause } });
  const replay = new Replay([caused(1, "x"), caused(2, "y"), caused(3, "y"), caused(4, "y"), { ...caused(5, "z"), metadata: {} }, { ...caused(6, "z"), metadata: {} }]);
  const parts = [0, 1, 2, 3, 4, 5, 6].map((at) => (replay.moveTo(at), `${replay.part.index}/${replay.part.count}`));
  assert.deepEqual(parts, ["1/1", "1/1", "1/3", "2/3", "3/3", "1/1", "1/1"]);
});

test("where the server's map differs, the page says so", () => {
  const replay = new Replay([seat(1, "SeatLocked"), seat(2, "SeatBooked", {}, "A-2"), seat(3, "SeatLocked", {}, "floor:1"), seat(4, "SeatLocked", {}, "floor:2"), seat(5, "SeatReleased", {}, "floor:2")]);
  replay.moveTo(5);
  const map = [["A-1", "in_process"], ["A-2", "booked"], ["A-3", "available"]].map(([name, state]) => ({ seat: name, state }));
  assert.deepEqual(replay.differences(map), []);
  assert.equal(replay.taken("floor"), 1);
  map[2].state = "booked";
  assert.deepEqual(replay.differences(map), [{ seat: "A-3", here: "available", there: "booked" }]);
});

test("a booking's chain asks for the streams that it names", () => {
  const own = [
    { type: "BookingOpened", data: { show: "gala", seats: [{ seat: "A-1" }, { seat: "A-2" }] } },
    { type: "VoucherApplied", data: { voucher: "h" } },
    { type: "ExchangeRequested", data: { leaves: ["A-2"], takes: [{ seat: "B-7" }] } },
    { type: "PartialRefundRequested", data: { seats: ["A-1"] } },
  ];
  assert.deepEqual(streamsOf(own), { show: "gala", seats: ["A-1", "A-2", "B-7"], streams: ["seat-gala.A-1", "seat-gala.A-2", "seat-gala.B-7", "voucher-h"] });
  assert.deepEqual(streamsOf([]), { show: undefined, seats: [], streams: [] });
});

test("the id of a ticket is the server's", async () => {
  // By Python's `uuid.uuid5`.
  assert.equal(await ticketOf("0198c5f2-0000-7000-8000-000000000001", "A-12"), "f3b33c19-1ee3-5427-bd14-e7488423044f");
});

test("lines of an answer are whole however it is cut", () => {
  const text = '{"position":1,"of":9}\n{"position":5,"of":9}\n{"clean":true,"report":{}}\n';
  const wanted = text.trim().split("\n").map((line) => JSON.parse(line));
  for (let size = 1; size <= text.length; size += 1) {
    const lines = new Lines();
    const found = [];
    for (let at = 0; at < text.length; at += size) found.push(...lines.take(text.slice(at, at + size)));
    assert.deepEqual(found, wanted);
  }
  assert.deepEqual(new Lines().take('{"clean":true'), [], "an answer that breaks off has no last line");
});
