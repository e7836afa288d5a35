// Solves the challenge that a guest may be asked for before a hold: ALTCHA's proof of work, version 2. It looks for the
// counter whose key begins as the challenge says; the browser's own PBKDF2 derives the keys, off this thread.

import { newKey, Problem, send } from "./api.js";

/** Keys that are derived at the same time. */
const AT_ONCE = 32;

/** Gets a challenge for a show and solves it: the value of the header Challenge-Solution. */
export async function solveChallenge(show) {
  if (!crypto.subtle) {
    throw new Problem(0, { code: "insecure_page", detail: "The browser has no WebCrypto on this page." });
  }
  const { body } = await send("POST", "/v1/challenges", { body: { show }, key: newKey() });
  const solution = await solve(body.parameters);
  return btoa(JSON.stringify({ challenge: body, solution }));
}

async function solve({ algorithm, cost, keyLength, keyPrefix, nonce, salt }) {
  const hash = algorithm.split("/")[1];
  const [start, salted] = [bytesOf(nonce), bytesOf(salt)];
  const derive = async (counter) => {
    const password = new Uint8Array(start.length + 4);
    password.set(start);
    new DataView(password.buffer).setUint32(start.length, counter);
    const secret = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const settings = { name: "PBKDF2", hash, salt: salted, iterations: cost };
    return hexOf(new Uint8Array(await crypto.subtle.deriveBits(settings, secret, keyLength * 8)));
  };
  for (let counter = 0; ; counter += AT_ONCE) {
    const keys = await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => derive(counter + n)));
    const found = keys.findIndex((key) => key.startsWith(keyPrefix));
    if (found >= 0) return { counter: counter + found, derivedKey: keys[found] };
  }
}

const bytesOf = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const hexOf = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
