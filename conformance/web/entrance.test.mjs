// The rules by which a device at the entrance decides alone, and what it can read of a code.

import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { read, verifier } from "../../web/entrance/code.js";
import { batches, decide } from "../../web/entrance/decide.js";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BOOKING = "01a225bc-7a35-756c-8d8e-153aebbd088b";

function encode(bytes) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return bits.match(/.{1,5}/g).map((five) => LETTERS[Number.parseInt(five.padEnd(5, "0"), 2)]).join("");
}

function bytesOf({ show = "demo", seat = "A-1", numbers = [0, 0, 0] } = {}) {
  const booking = Buffer.from(BOOKING.replaceAll("-", ""), "hex");
  return Buffer.concat([Buffer.from([1]), booking, Buffer.from(numbers), Buffer.from([show.length]), Buffer.from(show + seat)]);
}

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const signed = (bytes) => encode(Buffer.concat([bytes, sign(null, bytes, privateKey)]));

test("a code says what it was made of, in small letters and with spaces as well", () => {
  const text = signed(bytesOf({ numbers: [1, 2, 3] }));
  const facts = { show: "demo", booking: BOOKING, seat: "A-1", issue: 1, transfers: 2, exchange: 3 };
  assert.deepEqual(read(text)?.facts, facts);
  assert.deepEqual(read(` ${text.slice(0, 20).toLowerCase()}\n${text.slice(20)} `)?.facts, facts);
  const large = read(signed(bytesOf({ numbers: [0x80, 0x01, 0, 0] })));
  assert.equal(large?.facts.issue, 128);
});

test("what is no code is none", () => {
  const text = signed(bytesOf());
  const other = Buffer.concat([Buffer.from([2]), bytesOf().subarray(1)]);
  for (const bad of ["", "HELLO", "https://tickets.example/17", text.slice(0, 40), `${text}1`, signed(other), signed(bytesOf({ numbers: [0x80, 0, 0, 0] })), signed(bytesOf().subarray(0, 19))]) {
    assert.equal(read(bad), undefined, bad);
  }
});

test("only the signature says that a code is true", async () => {
  const verify = await verifier(publicKey.export({ format: "jwk" }));
  const code = read(signed(bytesOf()));
  assert.equal(await verify(code), true);
  const forged = Buffer.from(code.signed);
  forged[forged.length - 1] += 1;
  assert.equal(await verify({ ...code, signed: forged }), false);
  const stranger = await verifier(generateKeyPairSync("ed25519").publicKey.export({ format: "jwk" }));
  assert.equal(await stranger(code), false);
  assert.equal(await verifier({ kty: "OKP", crv: "Ed25519", x: "short" }), undefined);
});

const facts = { show: "demo", booking: BOOKING, seat: "A-1", issue: 0, transfers: 0, exchange: 0 };
const listed = { issue: 0, transfers: 0, exchange: 0 };
const at = (minute) => `2030-06-01T18:${String(minute).padStart(2, "0")}:00.000Z`;
const scan = (kind, number, known) => ({ kind, at: at(number), gate: "north", number, known });
const decided = (changes) => decide({ facts, show: "demo", kind: "entry", listed, loaded: 10, scans: [], ...changes });

test("a listed ticket admits once, and again after an exit", () => {
  assert.deepEqual(decided({}), { admits: true });
  assert.deepEqual(decided({ scans: [scan("entry", 11)] }), { admits: false, reason: "already_admitted", at: at(11), gate: "north" });
  assert.equal(decided({ scans: [scan("entry", 11)], kind: "exit" }).admits, true);
  assert.equal(decided({ scans: [scan("entry", 11), scan("exit", 12)] }).admits, true);
  assert.equal(decided({ scans: [scan("entry", 11), scan("exit", 12)], kind: "exit" }).reason, "not_admitted");
});

test("the order is that in which the device did it, whatever its clock says", () => {
  // In, out, and in again while the clock went back: a copy of the ticket comes next.
  const scans = [scan("entry", 11), scan("exit", 12), { ...scan("entry", 13), at: "2020-01-01T00:00:00.000Z" }];
  assert.equal(decided({ scans }).admits, false);
  assert.equal(decided({ scans: scans.reverse() }).admits, false);
});

test("what the server had when the list was loaded is in the list, and nothing else is", () => {
  const inside = { ...listed, admitted_at: at(5), gate: "south" };
  assert.deepEqual(decided({ listed: inside }), { admits: false, reason: "already_admitted", at: at(5), gate: "south" });
  // An exit that the server knew before says nothing any more; one that it did not, does.
  assert.equal(decided({ listed: inside, scans: [scan("exit", 4, 5)] }).admits, false);
  assert.equal(decided({ listed: inside, scans: [scan("exit", 11)] }).admits, true);
  // In here, out at another gate, and then the list was loaded: nobody is inside.
  assert.equal(decided({ scans: [scan("entry", 4, 5)] }).admits, true);
  // In here before the list was loaded, and not sent until after that: the list does not know.
  assert.equal(decided({ scans: [scan("entry", 4)] }).admits, false);
  assert.equal(decided({ scans: [scan("entry", 4, 12)] }).admits, false);
});

test("who came in elsewhere gets out here", () => {
  assert.equal(decided({ kind: "exit" }).admits, true);
  assert.equal(decided({ kind: "exit", listed: undefined }).admits, true);
  // Whatever has become of the ticket.
  assert.equal(decided({ kind: "exit", listed: { ...listed, issue: 1 }, scans: [scan("entry", 11)] }).admits, true);
});

test("a void ticket, one that is not listed, and one of another show admit nobody", () => {
  assert.equal(decided({ listed: undefined }).reason, "not_listed");
  assert.equal(decided({ listed: { ...listed, issue: 1 } }).reason, "reissued");
  assert.equal(decided({ listed: { ...listed, transfers: 1 } }).reason, "transferred");
  assert.equal(decided({ listed: { ...listed, exchange: 2 } }).reason, "exchanged");
  assert.equal(decided({ show: "gala" }).reason, "ticket_of_other_show");
});

test("scans are sent in the order in which they were made, so many at a time", () => {
  const scans = [3, 1, 2].map((number) => ({ ...scan("entry", number), scan: `s${number}`, text: "CODE" }));
  const sent = batches(scans, 2);
  assert.deepEqual(sent.map((batch) => batch.map(({ scan }) => scan)), [["s1", "s2"], ["s3"]]);
  assert.deepEqual(sent[0][0], { ticket: "CODE", gate: "north", scan: "s1", scanned_at: at(1), type: "entry" });
});
