// Keeps the inventory current: a snapshot, then every change after it, without gap or repeat.
//
// The browser's EventSource reconnects after a cut and sends the id of the last event it saw. It does
// not reconnect after a refusal, and it does not notice a dead connection or a server that was
// restarted with another log. This module notices these and loads a new snapshot.

import { backoff, get } from "./api.js";

/** A snapshot with a letter for each seat: a hundredth of the bytes of a large show. */
export const ROWS = "application/vnd.lastseat.seat-rows+json";
const EVENTS = ["seat_locked", "seat_processing", "seat_booked", "seat_released", "seat_blocked", "seat_unblocked"];
/** Silence after which we ask whether an event was missed. */
const SILENCE_MS = 25_000;
/** How long the stream may take to send what the snapshot has already. */
const PATIENCE_MS = 3_000;
/** A hidden tab closes its connection; browsers allow only six to one server. */
const HIDDEN_MS = 60_000;

function planPath(base, { plan, revision }) {
  return `${base}/v1/plans/${encodeURIComponent(plan)}/revisions/${revision}`;
}

export class Feed extends EventTarget {
  /** `loading`, `live`, `reconnecting` or `resting`. */
  status = "loading";
  /** Whether a hidden tab, too, has to hear of every change. */
  wanted = () => false;

  #inventory;
  #base;
  #path;
  /** The drawn plan that the show is on, which never changes: a promise, once it was asked for. */
  #plan;
  #source;
  #position = 0;
  #failures = 0;
  #timer = 0;
  #heard = performance.now();
  #ticker;
  #closing = new AbortController();

  /**
   * `base` is the server's address, without a slash at its end; this page's own if left out. `plan` is the show's, if it has
   * one: then it is loaded beside the snapshot, and not after it.
   */
  constructor(show, inventory, base = "", plan) {
    super();
    this.#inventory = inventory;
    this.#base = base;
    this.#path = `${base}/v1/shows/${encodeURIComponent(show)}/seats`;
    // Without it the snapshot says so, and asks again.
    if (plan) this.#drawing(plan).catch(() => {});
    this.#ticker = setInterval(() => this.#listen(), 5_000);
    const { signal } = this.#closing;
    document.addEventListener("visibilitychange", () => this.#rest(), { signal });
    window.addEventListener("online", () => this.#check(), { signal });
    this.#load();
  }

  /** Ends the connection for good. */
  close() {
    this.#closing.abort();
    clearInterval(this.#ticker);
    clearTimeout(this.#timer);
    this.#source?.close();
  }

  get #closed() {
    return this.#closing.signal.aborted;
  }

  // --- Snapshot ---------------------------------------------------------------------------------

  async #load() {
    clearTimeout(this.#timer);
    this.#source?.close();
    try {
      const snapshot = await get(this.#path, { accept: ROWS, patience: 0 });
      const plan = snapshot.plan && (await this.#drawing(snapshot.plan));
      if (this.#closed) return;
      this.#inventory.reset(snapshot, plan);
      this.#open(snapshot.position);
    } catch (error) {
      if (this.#closed) return;
      if (error.status === 404) return this.dispatchEvent(new Event("gone"));
      this.#later();
    }
  }

  #drawing(plan) {
    this.#plan ??= get(planPath(this.#base, plan), { patience: 0 }).catch((error) => {
      this.#plan = undefined;
      throw error;
    });
    return this.#plan;
  }

  #later() {
    this.#setStatus("reconnecting");
    this.#source?.close();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#load(), backoff(this.#failures));
    this.#failures += 1;
  }

  // --- Stream -----------------------------------------------------------------------------------

  #open(from) {
    this.#position = from;
    const source = new EventSource(`${this.#path}/stream?from=${from}`);
    this.#source = source;
    let cut = false;

    source.onopen = () => {
      this.#failures = 0;
      this.#heard = performance.now();
      this.#setStatus("live");
      if (cut) this.#check();
    };
    source.onerror = () => {
      if (source !== this.#source) return;
      cut = true;
      // Closed means refused: the position is not one of this log or too far back, or the server is too busy.
      if (source.readyState === EventSource.CLOSED) this.#later();
      else this.#setStatus("reconnecting");
    };
    const hear = (event) => {
      this.#heard = performance.now();
      if (event.lastEventId) this.#position = Number(event.lastEventId);
      return JSON.parse(event.data);
    };
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        const { seat, state } = hear(event);
        this.#inventory.change(seat, state);
      });
    }
    source.addEventListener("show_revised", (event) => {
      hear(event);
      this.dispatchEvent(new Event("revised"));
    });
    source.addEventListener("area_availability", (event) => {
      const { area, available } = hear(event);
      this.#inventory.available(area, available);
    });
  }

  // --- Missed events ------------------------------------------------------------------------------------

  #listen() {
    if (this.status === "live" && performance.now() - this.#heard > SILENCE_MS) this.#check();
  }

  /** Asks whether the stream has sent everything. If it has not after a moment, loads a new snapshot. */
  async #check() {
    const source = this.#source;
    this.#heard = performance.now();
    try {
      const { position } = await get(this.#path, { accept: ROWS, patience: 0 });
      if (position <= this.#position || this.#closed) return;
      setTimeout(() => {
        if (source === this.#source && this.#position < position && !this.#closed) this.#load();
      }, PATIENCE_MS);
    } catch {
      // The connection looks open, but the server does not answer.
      if (source === this.#source && this.status === "live" && !this.#closed) this.#later();
    }
  }

  #rest() {
    clearTimeout(this.#timer);
    if (document.hidden) {
      this.#timer = setTimeout(() => {
        if (this.wanted()) return;
        this.#source?.close();
        this.#setStatus("resting");
      }, HIDDEN_MS);
    } else if (this.status === "resting") {
      this.#setStatus("reconnecting");
      this.#open(this.#position);
    } else if (this.#source?.readyState !== EventSource.OPEN) {
      this.#load();
    }
  }

  #setStatus(status) {
    if (this.status === status) return;
    this.status = status;
    this.dispatchEvent(new Event("status"));
  }
}
