// A sale at the till, when the network is cut at each of its steps.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem, Unreachable } from "../../web/api.js";
import { Sale } from "../../web/office/sale.js";

/** A server with one seat, which answers a repeated key as before. `cut(step, made)` says whether an answer is lost, and whether before or after it was decided. */
function server(cut = () => undefined, tillIsOpen = () => true) {
  const answers = new Map();
  const state = { status: undefined, holds: 0, payments: 0, channel: undefined };
  const booking = () => ({ id: "b", status: state.status, amount: { value: 100, currency: "EUR" } });
  const decide = (method, path, body) => {
    if (!tillIsOpen()) throw new Problem(401, { code: "session_ended" });
    if (method === "GET") return booking();
    if (method === "DELETE") {
      if (state.status === "confirmed") throw new Problem(409, { code: "already_confirmed" });
      state.status = "aborted";
      return booking();
    }
    if (path.endsWith("/payment")) {
      if (body.payment === "bad") throw new Problem(422, { code: "invalid_request" });
      if (state.status !== "held") throw new Problem(410, { code: "hold_expired" });
      state.payments += 1;
      state.status = "confirmed";
      return booking();
    }
    if (["held", "confirmed"].includes(state.status)) throw new Problem(409, { code: "seat_unavailable" });
    Object.assign(state, { status: "held", holds: state.holds + 1, channel: body.channel });
    return booking();
  };
  let step = 0;
  const call = async (method, path, { key, body } = {}) => {
    const when = cut(step++, state);
    if (when === "before") throw new Unreachable("cut");
    if (!answers.has(key) || method === "GET") answers.set(key, decide(method, path, body));
    if (when === "after") throw new Unreachable("cut");
    return { status: 200, body: answers.get(key) };
  };
  return { call, state };
}

const sale = (call, tender = "cash") => new Sale({ call, show: "demo", order: { seats: ["A-1"] }, tender, key: "k" });

test("a sale is made at the till, once, whichever answers are lost", async () => {
  for (const lost of [[], [0], [1], [0, 1], [0, 1, 2, 3]]) {
    for (const when of ["before", "after"]) {
      const { call, state } = server((step) => (lost.includes(step) ? when : undefined));
      const made = sale(call);
      for (let tries = 0; made.state !== "sold"; tries += 1) {
        assert.ok(tries < 6, `${lost} ${when}`);
        await made.run().catch((error) => assert.ok(error instanceof Unreachable));
        assert.ok(["sold", "unknown"].includes(made.state), made.state);
      }
      assert.deepEqual(state, { status: "confirmed", holds: 1, payments: 1, channel: "till" }, `${lost} ${when}`);
    }
  }
});

test("what is refused holds no seats, and what is given up is either free or sold", async () => {
  const { call, state } = server();
  const refused = sale(call, "bad");
  await assert.rejects(refused.run(), { code: "invalid_request" });
  assert.deepEqual([refused.state, state.status], ["refused", "aborted"]);

  for (const [lost, when, ends, status] of [[0, "before", "given_up", "aborted"], [0, "after", "given_up", "aborted"], [1, "before", "given_up", "aborted"], [1, "after", "sold", "confirmed"]]) {
    const { call, state } = server((step) => (step === lost ? when : undefined));
    const made = sale(call);
    await assert.rejects(made.run(), Unreachable);
    assert.ok(made.isOpen);
    await made.giveUp();
    assert.deepEqual([made.state, state.status], [ends, status], `${lost} ${when}`);
  }
});

test("a sale during which the session ends goes on after signing in", async () => {
  let [step, signedIn] = [0, true];
  const { call, state } = server(() => void (signedIn = step++ !== 1), () => signedIn);
  const made = sale(call);
  await assert.rejects(made.run(), { status: 401 });
  assert.equal(made.state, "unknown");
  await made.run();
  assert.deepEqual([made.state, state.payments, state.status], ["sold", 1, "confirmed"]);
});

test("somebody else's seat is a refusal, and nothing is left to give up", async () => {
  const { call, state } = server();
  state.status = "held";
  const late = sale(call);
  await assert.rejects(late.run(), { code: "seat_unavailable" });
  assert.deepEqual([late.state, late.isOpen, state.status], ["refused", false, "held"]);
});
