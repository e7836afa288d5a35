// What can go wrong, in three kinds that a caller treats differently.

import type { components } from "./schema.js";

/** A refusal as the server describes it. Its `code` says which, and so which facts it has. */
export type Problem = components["schemas"]["Problem"];
export type ProblemCode = Problem["code"];
/** The problem with this code. */
export type ProblemOf<C extends ProblemCode> = Problem extends infer P
  ? P extends { code: infer Codes }
    ? C extends Codes
      ? P & { code: C }
      : never
    : never
  : never;

interface Facts {
  status?: number | undefined;
  requestId?: string | undefined;
  cause?: unknown;
}

export abstract class LastseatError extends Error {
  /** Of the HTTP answer, if there was one. */
  readonly status: number | undefined;
  /** Name it when you ask the operator: their log lines have it. */
  readonly requestId: string | undefined;

  constructor(message: string, { status, requestId, cause }: Facts) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.status = status;
    this.requestId = requestId;
  }
}

/** The rules said no. Nothing was done, and the same request gets the same answer until the facts change. */
export class Rejection extends LastseatError {
  readonly problem: Problem;

  constructor(problem: Problem, facts: Facts) {
    super(problem.detail, facts);
    this.problem = problem;
  }

  /** Stable: what programs should go by. A newer server may send codes that these types don't know. */
  get code(): ProblemCode {
    return this.problem.code;
  }

  /** Seconds after which the facts may have changed. */
  get retryAfter(): number | undefined {
    return this.problem.retry_after;
  }
}

/** The request could not be served, and nothing was done. */
export class Fault extends LastseatError {
  /** `busy`, `unavailable`, `stopping` …, if the server itself has answered. */
  readonly code: string | undefined;

  constructor(message: string, code: string | undefined, facts: Facts) {
    super(message, facts);
    this.code = code;
  }
}

/**
 * A command may have been carried out or not. Send the same body again with this key: it finds out, and nothing is done twice.
 * Not a failure, and no success either.
 */
export class OutcomeUnknown extends LastseatError {
  /** Absent only for the few commands that take no key. */
  readonly idempotencyKey: string | undefined;

  constructor(idempotencyKey: string | undefined, facts: Facts) {
    super("It is not known whether the request was carried out. Send it again with the same key to find out.", facts);
    this.idempotencyKey = idempotencyKey;
  }
}

/** Whether it is a refusal with one of these codes, whose facts the compiler knows from then on. */
export function isRejection<C extends ProblemCode>(error: unknown, ...codes: C[]): error is Rejection & { readonly problem: ProblemOf<C> } {
  return error instanceof Rejection && (codes as ProblemCode[]).includes(error.code);
}
