// The changes of a show's seats, each once and in order, however often the connection is lost.

import { createParser } from "eventsource-parser";
import type { components } from "./schema.js";
import { delay, judge, noAnswer, type Outcome } from "./retry.js";
import { pause, readProblem, type Sender } from "./send.js";

interface Event {
  /** Position in the server's log. */
  position: number;
  /** What to start from to get everything after this event. An event with several seats has it at its last one. */
  resume: number | undefined;
}

export interface SeatChange extends Event {
  type: "seat_locked" | "seat_processing" | "seat_booked" | "seat_released" | "seat_blocked" | "seat_unblocked";
  seat: string;
  state: components["schemas"]["SeatState"];
  at: string;
}

/** Of an area whose places have no labels. */
export interface AreaAvailability extends Event {
  type: "area_availability";
  area: string;
  available: number;
}

/** Prices, times or the plan may differ: read the show and its seats again. */
export interface ShowRevised extends Event {
  type: "show_revised";
  revision: number;
  at: string;
}

export type SeatEvent = SeatChange | AreaAvailability | ShowRevised;

export interface StreamOptions {
  /** Position after which to start: that of a seats answer, or `resume` of an earlier event. The next change if absent. */
  from?: number | undefined;
  signal?: AbortSignal | undefined;
  /** A connection on which nothing comes for so long is ended. The server writes every 15 s. */
  silenceMs?: number | undefined;
  /** Called when the connection is lost or refused for now, with the time until it is tried again. */
  onInterrupted?: ((why: Error, waitMs: number) => void) | undefined;
}

/**
 * Reads until the caller stops. Throws a `Rejection` where coming back would not help: with `invalid_parameter` the position is not
 * of this log or too far back, so load the seats again.
 */
export async function* seatEvents(sender: Sender, url: URL, headers: Headers, options: StreamOptions): AsyncGenerator<SeatEvent, void, undefined> {
  const once = new Once();
  const { silenceMs = 45_000 } = options;
  if (options.from !== undefined) url.searchParams.set("from", String(options.from));
  for (let failures = 1; ; failures += 1) {
    const connection = new AbortController();
    const stop = () => connection.abort(options.signal?.reason);
    if (options.signal?.aborted) return;
    options.signal?.addEventListener("abort", stop);
    let outcome: Outcome;
    try {
      const sent = new Headers(headers);
      sent.set("accept", "text/event-stream");
      if (once.resume !== undefined) sent.set("last-event-id", String(once.resume));
      const response = await alive(connection, sender.timeoutMs, sender.fetch(url, { headers: sent, signal: connection.signal, cache: "no-store" }));
      if (response.ok && response.body !== null) {
        for await (const message of messages(response.body, connection, silenceMs)) {
          failures = 0;
          const event = once.accept(message);
          if (event !== undefined) yield event;
        }
        outcome = noAnswer(new Error("The stream has ended."));
      } else {
        outcome = judge(response, readProblem(response, await response.arrayBuffer()));
      }
    } catch (error) {
      outcome = noAnswer(error);
    } finally {
      options.signal?.removeEventListener("abort", stop);
      connection.abort();
    }
    if (options.signal?.aborted) return;
    if (!outcome.passing) throw outcome.error;
    const wait = delay(sender.retry.backoffMs, Math.max(failures, 1), outcome.retryAfterMs);
    options.onInterrupted?.(outcome.error, wait);
    await pause(wait, options.signal).catch(() => undefined);
  }
}

/** As the parser has it. Written out, because the package's types must not need the parser's. */
interface Message {
  event?: string | undefined;
  id?: string | undefined;
  data: string;
}

/** Lets each change pass once. Only the last change of a log event has an id, so a cut in between brings the whole group again. */
class Once {
  resume: number | undefined;
  readonly #group = new Set<string>();
  readonly #available = new Map<string, number>();

  accept({ event: type, id, data }: Message): SeatEvent | undefined {
    if (data === "") return undefined;
    const body = JSON.parse(data) as SeatEvent;
    const fresh = type === "area_availability" ? this.#differs(body as AreaAvailability) : this.#first(body);
    if (id !== undefined && id !== "" && Number(id) !== this.resume) {
      this.resume = Number(id);
      this.#group.clear();
    }
    // What it is comes from the event's name, and where to resume from is known here only.
    return fresh ? ({ ...body, type, resume: this.resume } as SeatEvent) : undefined;
  }

  /** Every connection begins with the current values. */
  #differs({ area, available }: AreaAvailability): boolean {
    const known = this.#available.get(area);
    this.#available.set(area, available);
    return known !== available;
  }

  #first(body: SeatEvent): boolean {
    const name = `${body.position} ${"seat" in body ? body.seat : ""}`;
    const first = !this.#group.has(name);
    this.#group.add(name);
    return first;
  }
}

async function* messages(body: ReadableStream<Uint8Array>, connection: AbortController, silenceMs: number): AsyncGenerator<Message> {
  const received: Message[] = [];
  const parser = createParser({ onEvent: (message) => void received.push(message) });
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  for (;;) {
    const { done, value } = await alive(connection, silenceMs, reader.read());
    if (done) return;
    parser.feed(value);
    yield* received.splice(0);
  }
}

/** Ends the connection if nothing comes for so long. */
async function alive<T>(connection: AbortController, ms: number, waiting: Promise<T>): Promise<T> {
  const timer = setTimeout(() => connection.abort(new Error("Nothing came for too long.")), ms);
  try {
    return await waiting;
  } finally {
    clearTimeout(timer);
  }
}
