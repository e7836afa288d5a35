// Keeps the house true: a snapshot, then every change after it, without gap or repeat.
//
// The browser's EventSource comes back by itself after a cut and says which change it saw last. What
// it does not do: come back after a refusal, notice that a connection is dead but not closed, or
// notice that the server was started on another log. Those are this module's business, and the
// answer to all of them is a new snapshot.

import { backoff, get } from "./api.js";

const EVENTS = ["seat_locked", "seat_processing", "seat_booked", "seat_released"];
/** Silence after which we ask whether there was really nothing to say. */
const SILENCE_MS = 25_000;
/** How long the stream may take to tell what the snapshot knows already. */
const PATIENCE_MS = 3_000;
/** A tab nobody sees gives its connection back; browsers have but six to one server. */
const HIDDEN_MS = 60_000;

export class Feed extends EventTarget {
  /** `loading`, `live`, `reconnecting` or `resting`. */
  status = "loading";

  #house;
  #path;
  #source;
  #position = 0;
  #failures = 0;
  #timer = 0;
  #heard = performance.now();

  constructor(show, house) {
    super();
    this.#house = house;
    this.#path = `/v1/shows/${encodeURIComponent(show)}/seats`;
    setInterval(() => this.#listen(), 5_000);
    document.addEventListener("visibilitychange", () => this.#rest());
    window.addEventListener("online", () => this.#check());
    this.#load();
  }

  // --- Snapshot ---------------------------------------------------------------------------------

  async #load() {
    clearTimeout(this.#timer);
    this.#source?.close();
    try {
      const snapshot = await get(this.#path, { patience: 0 });
      this.#house.reset(snapshot);
      this.#open(snapshot.position);
    } catch (error) {
      if (error.status === 404) return this.dispatchEvent(new Event("gone"));
      this.#later();
    }
  }

  #later() {
    this.#tell("reconnecting");
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
      this.#tell("live");
      if (cut) this.#check();
    };
    source.onerror = () => {
      if (source !== this.#source) return;
      cut = true;
      // Closed means refused: the position is not one of this log, or the server is too busy.
      if (source.readyState === EventSource.CLOSED) this.#later();
      else this.#tell("reconnecting");
    };
    const hear = (event) => {
      this.#heard = performance.now();
      if (event.lastEventId) this.#position = Number(event.lastEventId);
      return JSON.parse(event.data);
    };
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        const { seat, state } = hear(event);
        this.#house.change(seat, state);
      });
    }
    source.addEventListener("area_availability", (event) => {
      const { area, available } = hear(event);
      this.#house.available(area, available);
    });
  }

  // --- Doubt ------------------------------------------------------------------------------------

  #listen() {
    if (this.status === "live" && performance.now() - this.#heard > SILENCE_MS) this.#check();
  }

  /** Asks whether the stream has told everything; if it has not within a moment, begins anew. */
  async #check() {
    const source = this.#source;
    this.#heard = performance.now();
    try {
      const { position } = await get(this.#path, { patience: 0 });
      if (position <= this.#position) return;
      setTimeout(() => {
        if (source === this.#source && this.#position < position) this.#load();
      }, PATIENCE_MS);
    } catch {
      // A connection that looks alive to a server that does not answer is not alive.
      if (source === this.#source && this.status === "live") this.#later();
    }
  }

  #rest() {
    clearTimeout(this.#timer);
    if (document.hidden) {
      this.#timer = setTimeout(() => {
        this.#source?.close();
        this.#tell("resting");
      }, HIDDEN_MS);
    } else if (this.status === "resting") {
      this.#tell("reconnecting");
      this.#open(this.#position);
    } else if (this.#source?.readyState !== EventSource.OPEN) {
      this.#load();
    }
  }

  #tell(status) {
    if (this.status === status) return;
    this.status = status;
    this.dispatchEvent(new Event("status"));
  }
}
