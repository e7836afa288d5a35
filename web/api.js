// Sends requests to the server. Problems become exceptions with a stable code, a request that may be
// lost is repeated under the same Idempotency-Key, and the server's clock is derived from its answers.

/** A refusal. `facts` has the members of the problem, such as the seat. */
export class Problem extends Error {
  constructor(status, facts) {
    super(facts.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.code = facts.code ?? "";
    this.facts = facts;
  }
}

/** No answer came, in spite of repeats. The request may have been carried out or not. */
export class Unreachable extends Error {}

const ATTEMPT_MS = 20_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;

/**
 * Sends a request until there is a final answer, for `patience` milliseconds. `key` makes it safe to
 * repeat a POST; a `body` is sent as JSON, but a file as it is; `solution` is that of a challenge; `headers` are more of them; `within` bounds each try, in milliseconds; `onwait` is
 * called before each repeat.
 *
 * @param {string} method
 * @param {string} path
 * @param {{ accept?: string, body?: unknown, token?: string, key?: string, solution?: string, headers?: Record<string, string>, patience?: number,
 *   within?: number, onwait?: (error: Error) => void }} options
 * @returns {Promise<{ status: number, body: any, etag?: string }>}
 */
export async function send(method, path, { accept = "application/json", body, token, key, solution, headers: more, patience = 30_000, within = ATTEMPT_MS, onwait } = {}) {
  /** @type {Record<string, string>} */
  const headers = { accept, ...more };
  const isFile = body instanceof Blob;
  if (body !== undefined) headers["content-type"] = isFile ? body.type : "application/json";
  if (token) headers.authorization = `Bearer ${token}`;
  if (key) headers["idempotency-key"] = key;
  if (solution) headers["challenge-solution"] = solution;
  const request = { method, headers, body: body === undefined || isFile ? body : JSON.stringify(body) };
  const until = performance.now() + patience;
  const repeatable = method !== "POST" || Boolean(key);

  for (let attempt = 0; ; attempt += 1) {
    const failure = await once(path, request, within);
    if (failure.answer !== undefined) return failure.answer;
    const pause = failure.pause ?? backoff(attempt);
    if (!repeatable || !failure.passing || performance.now() + pause > until) throw failure.error;
    onwait?.(failure.error);
    await sleep(pause);
  }
}

async function once(path, request, within) {
  let response;
  let facts;
  try {
    const sent = Date.now();
    response = await fetch(path, { ...request, signal: AbortSignal.timeout(within) });
    learn(response.headers.get("date"), sent, Date.now());
    facts = await read(response);
  } catch {
    // Refused, cut, too slow, or an answer that broke off: they all mean "unknown".
    return { passing: true, error: new Unreachable("The server can't be reached.") };
  }
  if (response.ok) return { answer: { status: response.status, body: facts, etag: response.headers.get("etag") ?? undefined } };
  const error = new Problem(response.status, facts ?? {});
  // These may pass; anything else is a decision.
  const passing = [408, 429, 502, 503, 504].includes(response.status) || error.code === "idempotency_in_flight";
  const seconds = Number(response.headers.get("retry-after"));
  return { passing, error, pause: seconds > 0 ? seconds * 1000 : undefined };
}

/** Data as an object, lines (CSV, NDJSON) as text. */
async function read(response) {
  if (response.status === 204) return undefined;
  const isLines = /csv|ndjson/.test(response.headers.get("content-type") ?? "");
  return isLines ? response.text() : response.json();
}

// Random, so that a thousand pages cut off by one restart don't come back in the same instant.
export const backoff = (attempt) => Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * (0.75 + Math.random() / 2);

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const get = (path, options) => send("GET", path, options).then((answer) => answer.body);

// --- The server's clock -------------------------------------------------------------------------
// A countdown by the visitor's own clock would be wrong wherever that clock is wrong. A Date header has
// whole seconds only, but each answer narrows the range of the difference.

let least = -Infinity;
let most = Infinity;

function learn(date, sent, received) {
  const server = Date.parse(date ?? "");
  if (Number.isNaN(server)) return;
  const low = server - received;
  const high = server + 1000 - sent;
  least = Math.max(least, low);
  most = Math.min(most, high);
  // One of the clocks was set: start over.
  if (least > most) [least, most] = [low, high];
}

/** Milliseconds since 1970 by the server's clock. */
export const serverNow = () => Date.now() + (Number.isFinite(least) ? (least + most) / 2 : 0);

/** A new Idempotency-Key: one for each command of a person, the same for its repeats. */
export function newKey() {
  // Browsers have randomUUID on https and localhost only; a phone in the same network has neither.
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
