// The sale over the installed package: what is refused, repeated, and not known.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { Fault, isRejection, Lastseat, newKey, OutcomeUnknown, Rejection, VERSION } from "lastseat";
import { Proxy, serve, type Running, type Trouble } from "./server.js";

let server: Running;
let proxy: Proxy;
let direct: Lastseat;
/** Through the proxy, and quick. */
let client: Lastseat;
const retry = { backoffMs: 10 };

before(async () => {
  server = await serve();
  proxy = await new Proxy(server.url).start();
  direct = new Lastseat(server.url);
  client = new Lastseat(proxy.url, { retry });
});
after(async () => {
  await proxy.end();
  await server.end();
});

let taken = 0;
/** Seats that no other test has. */
const fresh = (count: number) => Array.from({ length: count }, () => `${"BCDEFGH"[Math.floor(taken / 20)]}-${(taken++ % 20) + 1}`);

/** A command whose answer is lost is made once, and answered. */
async function survivesALostAnswer(lastseat: Lastseat): Promise<void> {
  proxy.trouble({ lose: true });
  const seats = fresh(1);
  const booking = await lastseat.hold("demo", { seats });
  assert.deepEqual(booking.seats.map(({ seat }) => seat), seats);
  assert.ok(booking.token);
  assert.equal(proxy.seen.length, 2);
  assert.ok(proxy.seen[0]?.key);
  assert.equal(proxy.seen[0].key, proxy.seen[1]?.key);
}

test("the quick start of the README sells two seats", async () => {
  const script = readFileSync(new URL("quickstart.js", import.meta.url), "utf8");
  assert.match(script, /http:\/\/127\.0\.0\.1:8080/);
  const file = new URL("quickstart.run.js", import.meta.url);
  writeFileSync(file, script.replace("http://127.0.0.1:8080", server.url));
  const { stdout } = await promisify(execFile)(process.execPath, [file.pathname], { timeout: 20_000 });
  assert.match(stdout, /^confirmed\n/);
  assert.match(stdout, /seat_booked/);
});

test("seats are held, paid for and confirmed", async () => {
  const booking = await client.hold("demo", { seats: fresh(2) });
  assert.equal(booking.status, "held");
  const paid = await client.pay(booking, { payment_method: "pm_card_visa" });
  assert.equal(paid.status, "confirmed");
  const tickets = await client.withToken(booking.token).get("/v1/bookings/{id}/tickets", { path: { id: booking.id } });
  assert.equal(tickets.tickets.length, 2);
  const picture = await client.withToken(booking.token).fetch(`/v1/bookings/${booking.id}/tickets/${tickets.tickets[0]?.seat}?format=svg`);
  assert.match(await picture.text(), /<svg/);
});

test("a booking's token cancels it, and a show has its path", async () => {
  const booking = await client.hold("demo", { area: "floor", quantity: 2 });
  assert.ok(booking.token);
  const over = await client.withToken(booking.token).delete("/v1/bookings/{id}", { path: { id: booking.id } });
  assert.equal(over.status, "aborted");
  assert.equal((await client.get("/v1/shows/{show}", { path: { show: "demo" } })).id, "demo");
  assert.equal((await client.get("/v1/shows", { query: { limit: 1 } })).data.length, 1);
  assert.equal((await client.get("/v1/shows")).data[0]?.id, "demo");
});

test("the second hold of a seat is a refusal whose facts have types", async () => {
  const seats = fresh(1);
  await client.hold("demo", { seats });
  const error: unknown = await client.hold("demo", { seats }).catch((error: unknown) => error);
  assert.ok(isRejection(error, "seat_unavailable", "sold_out"));
  assert.equal(error.status, 409);
  assert.ok(error.requestId);
  assert.ok(!isRejection(error, "buyer_limit"));
  assert.ok(isRejection(error, "seat_unavailable"));
  const seat: string | undefined = error.problem.seat;
  assert.equal(seat, seats[0]);
  assert.equal(error.problem.state, "locked");
  assert.ok((error.retryAfter ?? 0) > 0);
});

test("a declined payment is a refusal, and the seats stay held", async () => {
  const booking = await client.hold("demo", { seats: fresh(1) });
  const error: unknown = await client.pay(booking, { payment_method: "pm_card_chargeDeclined" }).catch((error: unknown) => error);
  assert.ok(isRejection(error, "payment_declined"));
  assert.equal(error.problem.decline_code, "card_declined");
  assert.equal((await client.pay(booking, { payment_method: "pm_card_visa" })).status, "confirmed");
});

test("the same key gets the same answer, and another body a refusal", async () => {
  const idempotencyKey = newKey();
  const seats = fresh(1);
  const first = await client.hold("demo", { seats }, { idempotencyKey });
  assert.deepEqual(await client.hold("demo", { seats }, { idempotencyKey }), first);
  const error: unknown = await client.hold("demo", { seats: fresh(1) }, { idempotencyKey }).catch((error: unknown) => error);
  assert.ok(isRejection(error, "idempotency_key_reused"));
});

test("a hold whose answer is lost is made once", () => survivesALostAnswer(client));

test("the check of lost answers sees a client that makes a new key for each attempt", async () => {
  const twin: typeof fetch = (input, init) => {
    const headers = new Headers(init?.headers);
    if (headers.has("idempotency-key")) headers.set("idempotency-key", newKey());
    return fetch(input, { ...init, headers });
  };
  await assert.rejects(survivesALostAnswer(new Lastseat(proxy.url, { retry, fetch: twin })), (error) => isRejection(error, "seat_unavailable"));
});

test("a payment whose answer is cut half way is made once", async () => {
  const booking = await client.hold("demo", { seats: fresh(1) });
  proxy.trouble({ cutAfter: 25 }, { drop: true });
  assert.equal((await client.pay(booking, { payment_method: "pm_card_visa" })).status, "confirmed");
  assert.equal(new Set(proxy.seen.map(({ key }) => key)).size, 1);
  assert.equal(proxy.seen.length, 3);
});

test("a 503 is sent again with the same key, not before Retry-After", async () => {
  proxy.trouble({ status: 503, code: "busy", retryAfter: 1 });
  await client.hold("demo", { seats: fresh(1) });
  const [first, second] = proxy.seen;
  assert.ok(first?.key && second);
  assert.equal(first.key, second.key);
  assert.ok(second.at - first.at >= 990, `${second.at - first.at} ms`);
});

test("429 and a request that is still in progress are sent again", async () => {
  proxy.trouble({ status: 429, code: "rate_limited", retryAfter: 0 }, { status: 409, code: "idempotency_in_flight", retryAfter: 0 });
  await client.hold("demo", { seats: fresh(1) });
  assert.equal(proxy.seen.length, 3);
});

test("a server that stays busy is a fault: nothing was done", async () => {
  const seats = fresh(1);
  proxy.trouble(...Array<{ status: number; code: string }>(5).fill({ status: 503, code: "busy" }));
  const error: unknown = await client.hold("demo", { seats }).catch((error: unknown) => error);
  assert.ok(error instanceof Fault && !(error instanceof Rejection));
  assert.equal(error.code, "busy");
  assert.equal(proxy.seen.length, 5);
});

test("a Retry-After beyond the patience ends it at once", async () => {
  proxy.trouble({ status: 503, code: "busy", retryAfter: 3_600 });
  await assert.rejects(client.hold("demo", { seats: fresh(1) }), Fault);
  assert.equal(proxy.seen.length, 1);
});

test("an outcome that stays unknown is neither success nor refusal, and its key finds out", async () => {
  const seats = fresh(1);
  // The first attempt is carried out. That the last one finds the server busy says nothing about it.
  proxy.trouble({ lose: true }, { status: 502 }, { status: 503, code: "outcome_unknown" }, { drop: true }, { status: 503, code: "busy" });
  const error: unknown = await client.hold("demo", { seats }).catch((error: unknown) => error);
  assert.ok(error instanceof OutcomeUnknown && !(error instanceof Fault) && !(error instanceof Rejection));
  assert.ok(error.cause instanceof Fault);
  const { idempotencyKey } = error;
  assert.ok(idempotencyKey);
  const booking = await client.hold("demo", { seats }, { idempotencyKey });
  assert.equal(booking.status, "held");
});

test("what the server itself or a proxy does not know is unknown, and a defect is not repeated", async () => {
  for (const [trouble, times] of [[{ status: 503, code: "outcome_unknown" }, 5], [{ status: 504 }, 5], [{ status: 500, code: "internal" }, 1]] as const) {
    proxy.trouble(...Array<Trouble>(times).fill(trouble));
    await assert.rejects(client.hold("demo", { seats: fresh(1) }), OutcomeUnknown);
    assert.equal(proxy.seen.length, times);
  }
});

test("a refusal that is not kept under the key says nothing about an attempt whose answer was lost", async () => {
  proxy.trouble({ lose: true }, { status: 401, code: "token_expired" });
  await assert.rejects(client.hold("demo", { seats: fresh(1) }), OutcomeUnknown);
});

test("a command without a key is not sent again, a read is", async () => {
  proxy.trouble({ lose: true });
  const error: unknown = await client.fetch("/v1/webhooks/stripe", { method: "POST" }).catch((error: unknown) => error);
  assert.ok(error instanceof OutcomeUnknown);
  assert.equal(error.idempotencyKey, undefined);
  assert.equal(proxy.seen.length, 1);
  // It may be sent again where the server says that nothing was done.
  proxy.trouble({ status: 503, code: "busy" }, { drop: true });
  await assert.rejects(client.fetch("/v1/webhooks/stripe", { method: "POST" }), OutcomeUnknown);
  assert.equal(proxy.seen.length, 2);
  proxy.trouble({ lose: true }, { status: 502 }, { drop: true });
  assert.equal((await client.get("/v1/shows")).data.length, 1);
  proxy.trouble({ status: 500 });
  await assert.rejects(client.get("/v1/shows"), Fault);
});

test("a payment that the gateway has not answered is asked for again, until it is decided", async () => {
  const booking = await client.hold("demo", { seats: fresh(1) });
  assert.equal((await client.pay(booking, { payment_method: "pm_lastseat_answerLost" })).status, "confirmed");
});

test("a payment that stays undecided is an unknown outcome", async () => {
  const hasty = new Lastseat(server.url, { retry: { patienceMs: 1_000 } });
  const booking = await hasty.hold("demo", { seats: fresh(1) });
  const error: unknown = await hasty.pay(booking, { payment_method: "pm_lastseat_unavailable" }).catch((error: unknown) => error);
  assert.ok(error instanceof OutcomeUnknown, String(error));
});

test("an attempt that takes too long is given up, and the next one gets its answer", async () => {
  const hasty = new Lastseat(proxy.url, { retry, timeoutMs: 2_000 });
  proxy.trouble({ stallAfter: 10 });
  assert.equal((await hasty.hold("demo", { seats: fresh(1) })).status, "held");
  assert.equal(proxy.seen.length, 2);
});

test("the buyer's own signal ends a wait", async () => {
  proxy.trouble({ status: 503, code: "busy", retryAfter: 20 });
  const signal = AbortSignal.timeout(100);
  await assert.rejects(client.hold("demo", { seats: fresh(1) }, { signal }), { name: "TimeoutError" });
});

test("nobody at the address is a fault", async () => {
  const gone = await new Proxy(server.url).start();
  await gone.end();
  const nobody = new Lastseat(gone.url, { retry: { attempts: 2, backoffMs: 1 } });
  await assert.rejects(nobody.hold("demo", { seats: fresh(1) }), Fault);
});

/** Compiled, and never run: what the types refuse. */
export async function refusedByTheCompiler(): Promise<void> {
  // @ts-expect-error: there is no such path
  await client.get("/v1/nothing");
  // @ts-expect-error: it is a POST
  await client.get("/v1/bookings/{id}/payment", { path: { id: "1" } });
  // @ts-expect-error: the path has a parameter
  await client.get("/v1/shows/{show}");
  // @ts-expect-error: the parameter's name is wrong
  await client.get("/v1/shows/{show}", { path: { id: "demo" } });
  // @ts-expect-error: a price never comes from the client
  await client.hold("demo", { seats: ["A-1"], price: 1 });
  // @ts-expect-error: no refusal has this code
  isRejection(undefined, "seat_unavailble");
  const error: unknown = undefined;
  // @ts-expect-error: this problem has no such fact
  if (isRejection(error, "seat_unavailable")) error.problem.decline_code;
}

test("the package has the version of its server", async () => {
  const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as { info: { version: string } };
  assert.equal(VERSION, document.info.version);
  assert.equal((await direct.get("/v1/shows")).data.length, 1);
});
