// What may be sent again, and when. Pure: `send.ts` does the sending.

import { Fault, OutcomeUnknown, Rejection, type LastseatError, type Problem } from "./errors.js";

export interface RetryOptions {
  /** How often a request is sent at most, the first time included. */
  attempts: number;
  /** Milliseconds before the first repeat where the server names no time; twice as many before each further one. */
  backoffMs: number;
  /** Milliseconds after which nothing is sent again. A longer `Retry-After` ends it at once. */
  patienceMs: number;
}

export const RETRY: RetryOptions = { attempts: 5, backoffMs: 250, patienceMs: 60_000 };
const LONGEST_BACKOFF_MS = 10_000;

/** Codes of a 503 which say that nothing was done. */
const NOTHING_DONE = new Set(["busy", "unavailable", "stopping", "payment_queue_full"]);
/** Statuses of refusals that are kept under the key, and so also hold for an attempt whose answer was lost; but for those that may pass. */
const DECIDED = new Set([402, 404, 409, 410, 422]);
const MAY_PASS = new Set<string>(["payment_in_progress", "refund_in_progress", "refund_stands", "refund_unclear", "no_tickets"]);

/** One answer or its absence, as far as it matters here. */
export interface Outcome {
  error: LastseatError;
  /** Whether the same request may succeed later. */
  passing: boolean;
  /** Whether a command that ended like this may have been carried out. */
  unknown: boolean;
  /** Whether this is the decision of the rules, which a repeat gets as well. */
  decided: boolean;
  retryAfterMs?: number | undefined;
}

/** What an answer that is no success means. */
export function judge(response: Response, problem: Problem | undefined): Outcome {
  const { status } = response;
  const code: string | undefined = problem?.code;
  const facts = { status, requestId: response.headers.get("x-request-id") ?? undefined };
  const retryAfterMs = readRetryAfter(response.headers.get("retry-after")) ?? (problem?.retry_after && problem.retry_after * 1000);
  const fault = () => new Fault(problem?.detail ?? `The answer has status ${status} and is not lastseat's.`, code, facts);

  if (status >= 500) {
    const nothingDone = code !== undefined && NOTHING_DONE.has(code);
    // 500 is a defect: nobody says what was done, and a repeat does not help.
    return { error: fault(), passing: status > 501, unknown: !nothingDone, decided: false, retryAfterMs };
  }
  if (problem === undefined) return { error: fault(), passing: false, unknown: false, decided: false };
  const error = new Rejection(problem, facts);
  if (code === "idempotency_in_flight") return { error, passing: true, unknown: true, decided: false, retryAfterMs };
  if (code === "rate_limited") return { error, passing: true, unknown: false, decided: false, retryAfterMs };
  return { error, passing: false, unknown: false, decided: isDecision(error) };
}

/** Whether a repeat under the same key gets this answer again. */
export function isDecision(error: unknown): boolean {
  return error instanceof Rejection && DECIDED.has(error.status ?? 0) && !MAY_PASS.has(error.code);
}

export function unknown(key: string | undefined, cause: LastseatError): OutcomeUnknown {
  return new OutcomeUnknown(key, { status: cause.status, requestId: cause.requestId, cause });
}

/** What it means that no answer came. */
export function noAnswer(cause: unknown): Outcome {
  const error = new Fault("No answer came from the server.", undefined, { cause });
  return { error, passing: true, unknown: !neverSent(cause), decided: false };
}

/** Node names the cause; a browser does not. */
function neverSent(cause: unknown): boolean {
  const code = cause instanceof Error && cause.cause instanceof Error && "code" in cause.cause ? cause.cause.code : undefined;
  return ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"].includes(String(code));
}

/** The attempts at one request. */
export class Attempts {
  #made = 0;
  #unknown = false;
  readonly #end: number;

  constructor(
    private readonly options: RetryOptions,
    private readonly command: boolean,
    private readonly key: string | undefined,
  ) {
    this.#end = Date.now() + options.patienceMs;
  }

  /** Milliseconds until the request is sent again. Throws what is to be reported if it is not. */
  failed(outcome: Outcome): number {
    this.#made += 1;
    this.#unknown ||= this.command && outcome.unknown;
    // The rules' decision under the key is that of every attempt under it.
    if (this.key !== undefined && outcome.decided) throw outcome.error;
    const safe = !this.command || this.key !== undefined || !this.#unknown;
    const wait = delay(this.options.backoffMs, this.#made, outcome.retryAfterMs);
    if (!outcome.passing || !safe || this.#made >= this.options.attempts || Date.now() + wait > this.#end) {
      throw this.#unknown ? unknown(this.key, outcome.error) : outcome.error;
    }
    return wait;
  }
}

/** Milliseconds before the next attempt. Spread, so that clients who failed together don't come back together. */
export function delay(backoffMs: number, failures: number, retryAfterMs?: number): number {
  if (retryAfterMs !== undefined) return retryAfterMs * (1 + Math.random() / 4);
  return Math.min(backoffMs * 2 ** (failures - 1), LONGEST_BACKOFF_MS) * (0.5 + Math.random() / 2);
}

/** In seconds or as a date (RFC 9110). */
export function readRetryAfter(value: string | null): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(ms, 0) : undefined;
}
