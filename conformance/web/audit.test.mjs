// A sale at any moment: forwards and backwards lead to the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { chainOf, Replay } from "../../web/audit/replay.js";

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
