// The seat stream over the installed package: every change once and in order, however the connection is cut.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { isRejection, Lastseat, type SeatEvent } from "lastseat";
import { Proxy, serve, type Running } from "./server.js";

let server: Running;
let proxy: Proxy;
let direct: Lastseat;
const retry = { backoffMs: 1 };

before(async () => {
  server = await serve();
  proxy = await new Proxy(server.url).start();
  direct = new Lastseat(server.url);
});
after(async () => {
  await proxy.end();
  await server.end();
});

const position = async () => (await direct.get("/v1/shows/{show}/seats", { path: { show: "demo" } })).position;

async function sell(...seats: string[]): Promise<void> {
  const booking = await direct.hold("demo", { seats });
  assert.equal((await direct.pay(booking, { payment_method: "pm_card_visa" })).status, "confirmed");
}

/** Changes of seats, as text, up to the last one of the sales so far. */
async function read(lastseat: Lastseat, from: number, end: number): Promise<string[]> {
  const changes: string[] = [];
  for await (const event of lastseat.seatChanges("demo", { from, signal: AbortSignal.timeout(20_000) })) {
    if (event.type !== "area_availability" && "seat" in event) changes.push(`${event.position} ${event.type} ${event.seat} ${event.state}`);
    if (event.resume === end) return changes;
  }
  return changes;
}

/** Cuts the stream once at each of many places, in events and between them. */
async function survivesCuts(lastseat: Lastseat, from: number, end: number, expected: string[]): Promise<number> {
  let cuts = 0;
  for (let at = 1; ; at += 13) {
    proxy.trouble({ cutAfter: at });
    assert.deepEqual(await read(lastseat, from, end), expected, `cut after ${at} bytes`);
    // Everything came before the cut.
    if (proxy.seen.length === 1) return cuts;
    cuts += 1;
  }
}

test("a stream that is cut anywhere resumes without gap or repeat", async () => {
  const from = await position();
  await sell("A-1", "A-2", "A-3");
  await sell("A-5", "A-6");
  const end = await position();
  const expected = await read(direct, from, end);
  assert.ok(expected.length >= 10, expected.join("\n"));
  const cuts = await survivesCuts(new Lastseat(proxy.url, { retry }), from, end, expected);
  assert.ok(cuts > 50, `${cuts} cuts`);

  const twin: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    headers.delete("last-event-id");
    return fetch(input, { ...init, headers });
  };
  const forgetful = new Lastseat(proxy.url, { retry, fetch: twin });
  await assert.rejects(survivesCuts(forgetful, from, end, expected), assert.AssertionError, "a client that does not resume is seen");
});

test("what happens while the connection is away is not missed", async () => {
  const interruptions: number[] = [];
  const onInterrupted = (_: Error, waitMs: number) => void interruptions.push(waitMs);
  const stopping = new AbortController();
  const stream = new Lastseat(proxy.url, { retry }).seatChanges("demo", { from: await position(), onInterrupted, signal: stopping.signal });
  const until = async (seat: string): Promise<SeatEvent[]> => {
    for (const events: SeatEvent[] = []; ; ) {
      const { value, done } = await stream.next();
      assert.ok(!done);
      if (value.type !== "area_availability") events.push(value);
      if (value.type === "seat_booked" && value.seat === seat) return events;
    }
  };
  proxy.trouble();
  await sell("B-1");
  await until("B-1");
  proxy.trouble({ drop: true }, { status: 503, code: "busy", retryAfter: 0 }, { status: 502 });
  proxy.cutAll();
  await sell("B-3");
  const events = await until("B-3");
  assert.deepEqual(events.map((event) => "seat" in event && event.seat), events.map(() => "B-3"));
  assert.ok(interruptions.length >= 3, `${interruptions.length} interruptions`);
  setTimeout(() => stopping.abort(), 50);
  assert.equal((await stream.next()).done, true);
});

test("a connection that has gone silent is replaced", async () => {
  const from = await position();
  await sell("C-1", "C-2");
  proxy.trouble({ stallAfter: 300 });
  const seats: string[] = [];
  for await (const event of new Lastseat(proxy.url, { retry }).seatChanges("demo", { from, silenceMs: 300 })) {
    if (event.type === "seat_booked") seats.push(event.seat);
    if (seats.length === 2) break;
  }
  assert.deepEqual(seats, ["C-1", "C-2"]);
  assert.ok(proxy.seen.length >= 2);
});

test("a position that the log has not reached is a refusal", async () => {
  const stream = direct.seatChanges("demo", { from: 1_000_000_000 });
  await assert.rejects(stream.next(), (error) => isRejection(error, "invalid_parameter"));
  await assert.rejects(direct.seatChanges("nowhere").next(), (error) => isRejection(error, "show_not_found"));
});
