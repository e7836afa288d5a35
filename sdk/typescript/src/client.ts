// The client: every operation of the server's description by its path, and the sale by name.

import { createFinalURL, createQuerySerializer, defaultPathSerializer } from "openapi-fetch";
import { LastseatError, OutcomeUnknown } from "./errors.js";
import { seatEvents, type SeatEvent, type StreamOptions } from "./events.js";
import { isDecision, RETRY, unknown, type RetryOptions } from "./retry.js";
import type { components, paths } from "./schema.js";
import { newKey, pause, send, type Sender } from "./send.js";

export { newKey };

type Booking = components["schemas"]["Booking"];
export type Method = "get" | "post" | "patch" | "delete";
/** The paths that have this method. */
export type PathWith<M extends Method> = { [P in keyof paths]: paths[P] extends { [K in M]: object } ? P : never }[keyof paths];
type Operation<P extends keyof paths, M extends Method> = paths[P] extends { [K in M]: infer O } ? O : never;

type PathPart<O> = O extends { parameters: { path: infer V } } ? { path: V } : { path?: never };
type QueryPart<O> = O extends { parameters: { query: infer V } }
  ? { query: V }
  : O extends { parameters: { query?: infer V } }
    ? { query?: NonNullable<V> }
    : { query?: never };
type BodyPart<O> = O extends { requestBody: { content: { "application/json": infer V } } }
  ? { body: V }
  : O extends { requestBody?: { content: { "application/json": infer V } } }
    ? { body?: V }
    : { body?: never };

export interface CallOptions {
  /** The key of a thing that should happen once. Stored with the order, it also works after a crash. A new one if absent. */
  idempotencyKey?: string | undefined;
  headers?: Record<string, string> | undefined;
  signal?: AbortSignal | undefined;
}
/** What an operation takes. */
export type Input<O> = PathPart<O> & QueryPart<O> & BodyPart<O> & CallOptions;
/** What an operation answers with: its JSON, or its text where it has none. */
export type Answer<O> = O extends { responses: infer R } ? { [S in keyof R & Success]: Content<R[S]> }[keyof R & Success] : never;
type Success = 200 | 201 | 202 | 204;
type Content<R> = R extends { content: { "application/json": infer T } } ? T : R extends { content: object } ? string : undefined;
/** No argument where nothing is needed. */
type Args<O> = Record<string, never> extends Input<O> ? [input?: Input<O>] : [input: Input<O>];

export interface Options {
  /** A JWT, or a booking's token. A guest's requests have none. */
  token?: string | undefined;
  retry?: Partial<RetryOptions> | undefined;
  /** Milliseconds that one attempt may take. */
  timeoutMs?: number | undefined;
  /** In place of the global one. */
  fetch?: typeof fetch | undefined;
}

interface Plain extends CallOptions {
  path?: Record<string, unknown> | undefined;
  query?: Record<string, unknown> | undefined;
  body?: unknown;
}

export class Lastseat {
  readonly #server: string;
  readonly #sender: Sender;
  readonly #token: string | undefined;

  constructor(server: string | URL, options: Options = {}) {
    this.#server = String(server).replace(/\/$/, "");
    this.#token = options.token;
    const { fetch: ownFetch = (input, init) => globalThis.fetch(input, init), retry, timeoutMs = 30_000 } = options;
    this.#sender = { fetch: ownFetch, retry: { ...RETRY, ...retry }, timeoutMs };
  }

  /** The same server for the bearer of another token. */
  withToken(token: string | undefined): Lastseat {
    return new Lastseat(this.#server, { ...this.#sender, token });
  }

  get<P extends PathWith<"get">>(path: P, ...[input]: Args<Operation<P, "get">>): Promise<Answer<Operation<P, "get">>> {
    return this.#call("GET", path, input as Plain);
  }

  post<P extends PathWith<"post">>(path: P, ...[input]: Args<Operation<P, "post">>): Promise<Answer<Operation<P, "post">>> {
    return this.#call("POST", path, input as Plain);
  }

  patch<P extends PathWith<"patch">>(path: P, ...[input]: Args<Operation<P, "patch">>): Promise<Answer<Operation<P, "patch">>> {
    return this.#call("PATCH", path, input as Plain);
  }

  delete<P extends PathWith<"delete">>(path: P, ...[input]: Args<Operation<P, "delete">>): Promise<Answer<Operation<P, "delete">>> {
    return this.#call("DELETE", path, input as Plain);
  }

  /** Any request, such as for a ticket's picture, with the same retries and errors. `path` begins with a slash. */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = this.#headers(init.headers);
    return send(this.#sender, new Request(`${this.#server}${path}`, { ...init, headers }));
  }

  /** Holds seats: all of them or none, for this booking alone until `expires_at`. Keep its `token`. */
  hold(show: string, body: Input<Operation<"/v1/shows/{show}/bookings", "post">>["body"], options: CallOptions = {}): Promise<Booking> {
    return this.post("/v1/shows/{show}/bookings", { path: { show }, body, ...options });
  }

  /**
   * Pays for a booking, with its own token if it has one. Returns when the payment is decided or the buyer has to act: look at `status`
   * and `next_action`. While the gateway has not answered, it asks again; without an answer in time it is an `OutcomeUnknown`.
   */
  async pay(booking: Pick<Booking, "id" | "token">, body: components["schemas"]["PayBody"] = {}, options: CallOptions = {}): Promise<Booking> {
    const payer = booking.token === undefined ? this : this.withToken(booking.token);
    const idempotencyKey = options.idempotencyKey ?? newKey();
    const end = Date.now() + this.#sender.retry.patienceMs;
    for (let begun = false; ; begun = true) {
      const paid = await payer
        .post("/v1/bookings/{id}/payment", { path: { id: booking.id }, body, ...options, idempotencyKey })
        .catch((error: unknown) => {
          // A payment that has begun continues by itself, whatever became of the question.
          throw begun && error instanceof LastseatError && !isDecision(error) ? unknown(idempotencyKey, error) : error;
        });
      if (paid.status !== "paying" || paid.next_action !== undefined) return paid;
      const wait = (paid.retry_after ?? 1) * 1000;
      if (Date.now() + wait > end) throw new OutcomeUnknown(idempotencyKey, { status: 202 });
      await pause(wait, options.signal);
    }
  }

  /** Every change of a show's seats, once and in order. It reconnects by itself until the loop is left or `signal` says so. */
  seatChanges(show: string, options: StreamOptions = {}): AsyncGenerator<SeatEvent, void, undefined> {
    const url = new URL(`${this.#server}/v1/shows/${encodeURIComponent(show)}/seats/stream`);
    return seatEvents(this.#sender, url, this.#headers(), options);
  }

  #headers(given?: RequestInit["headers"]): Headers {
    const headers = new Headers(given);
    if (this.#token !== undefined && !headers.has("authorization")) headers.set("authorization", `Bearer ${this.#token}`);
    return headers;
  }

  async #call<T>(method: string, schemaPath: string, { path = {}, query = {}, body, idempotencyKey, headers, signal }: Plain = {}): Promise<T> {
    const serializers = { querySerializer: createQuerySerializer(), pathSerializer: defaultPathSerializer };
    const address = createFinalURL(schemaPath, { baseUrl: "", params: { path, query }, ...serializers });
    const sent = new Headers(headers);
    if (idempotencyKey !== undefined) sent.set("idempotency-key", idempotencyKey);
    if (body !== undefined) sent.set("content-type", "application/json");
    const response = await this.fetch(address, {
      method,
      headers: sent,
      signal: signal ?? null,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (text === "") return undefined as T;
    return (response.headers.get("content-type")?.startsWith("application/json") ? JSON.parse(text) : text) as T;
  }
}
