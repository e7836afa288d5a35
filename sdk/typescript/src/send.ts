// `fetch` that sends again what may be sent again, and turns refusals into errors.

import { KEYED } from "./document.js";
import type { Problem } from "./errors.js";
import { Attempts, judge, noAnswer, type Outcome, type RetryOptions } from "./retry.js";

export interface Sender {
  fetch: typeof fetch;
  retry: RetryOptions;
  timeoutMs: number;
}

/** A key that nobody can guess. `randomUUID` is missing on pages that are served without TLS. */
export function newKey(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Sends a request until it is answered. Commands that take an `Idempotency-Key` get one, the same in every attempt.
 * Throws a `Rejection`, a `Fault`, an `OutcomeUnknown`, or the reason of the caller's own signal.
 */
export async function send(sender: Sender, request: Request): Promise<Response> {
  const command = request.method !== "GET" && request.method !== "HEAD";
  const headers = new Headers(request.headers);
  if (command && takesKey(request) && !headers.has("idempotency-key")) headers.set("idempotency-key", newKey());
  // Read once: the key is for exactly these bytes.
  const body = command ? await request.arrayBuffer() : undefined;
  const attempts = new Attempts(sender.retry, command, headers.get("idempotency-key") ?? undefined);
  for (;;) {
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(sender.timeoutMs)]);
    const { method, credentials, cache } = request;
    let outcome: Outcome;
    try {
      const response = await sender.fetch(request.url, {
        method,
        headers,
        signal,
        credentials,
        cache,
        ...(body && body.byteLength > 0 ? { body } : {}),
      });
      // The body is a part of the attempt: an answer that is cut half way is no answer.
      const bytes = await response.arrayBuffer();
      if (response.status < 400) return whole(response, bytes);
      outcome = judge(response, readProblem(response, bytes));
    } catch (error) {
      request.signal.throwIfAborted();
      outcome = noAnswer(error);
    }
    await pause(attempts.failed(outcome), request.signal);
  }
}

function takesKey(request: Request): boolean {
  const operation = `${request.method} ${new URL(request.url).pathname}`;
  return KEYED.some((pattern) => pattern.test(operation));
}

function whole(response: Response, bytes: ArrayBuffer): Response {
  const { status, statusText, headers } = response;
  return new Response(bytes.byteLength > 0 ? bytes : null, { status, statusText, headers });
}

export function readProblem(response: Response, bytes: ArrayBuffer): Problem | undefined {
  if (!response.headers.get("content-type")?.startsWith("application/problem+json")) return undefined;
  try {
    const problem: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof problem === "object" && problem !== null && "code" in problem ? (problem as Problem) : undefined;
  } catch {
    return undefined;
  }
}

export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const aborted = () => (clearTimeout(timer), reject(signal?.reason));
    const timer = setTimeout(() => (signal?.removeEventListener("abort", aborted), resolve()), ms);
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
