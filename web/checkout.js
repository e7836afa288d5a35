// One visitor's way from picking seats to the ticket. It knows no element: the panel draws what it
// says, the map marks `mine`.
//
//   picking ─ hold ─▶ holding ─▶ held ─ pay ─▶ paying ─▶ confirmed
//                                  ▲              │
//                                  └─ declined ───┤─▶ action (the bank asks) ─▶ paying
//                                                 └─▶ over
//
// The booking's id and token live in the session storage, so a reload goes on where it was. So does
// a hold that was asked for and not answered: its repeat under the same key finds out.

import { get, newKey, Problem, send, serverNow, sleep } from "./api.js";
import { declined, ending, seatName, sentence } from "./words.js";

const LOOK_AGAIN_MS = 2_000;
/** A hold without an answer is asked for again after a reload, but not after a long absence. */
const FORGET_ASKED_MS = 60_000;

const UNDER_REVIEW = { tone: "bad", text: "The bank's answer is unclear. A person is looking at it; you will not pay twice." };
const SLOW = { tone: "calm", text: "The box office is slow to answer. Still trying; nothing is done twice.", passing: true };

export class Checkout extends EventTarget {
  phase = "picking";
  picked = [];
  booking = undefined;
  /** `{ tone: "bad" | "good" | "calm", text }`: the last thing to tell. */
  note = undefined;
  /** Whether a request is on its way. */
  busy = false;

  #show;
  #house;
  #token;
  #most;
  #key;
  #owned;
  #looking = false;

  constructor(show, house) {
    super();
    this.#show = show.id;
    this.#most = show.max_seats_per_booking;
    this.#house = house;
    this.#key = `lastseat:${show.id}`;
    this.#owned = this.#read("owned") ?? [];
    this.#restore();
    setInterval(() => this.#tick(), 1_000);
  }

  /** Labels of the visitor's seats: chosen, held or booked. */
  get mine() {
    const held = this.booking && this.phase !== "over" ? this.booking.seats.map(({ seat }) => seat) : [];
    return [...this.#owned, ...this.picked, ...held];
  }

  get most() {
    return this.#most;
  }

  get total() {
    return this.picked.reduce((sum, label) => sum + (this.#house.seats.get(label)?.price ?? 0), 0);
  }

  /** Milliseconds until the hold ends. */
  get left() {
    return this.booking?.expires_at ? Date.parse(this.booking.expires_at) - serverNow() : 0;
  }

  // --- Picking ----------------------------------------------------------------------------------

  toggle(label) {
    if (this.phase === "over" || this.phase === "confirmed") this.again();
    if (this.phase !== "picking") {
      if (!this.mine.includes(label)) this.#refuse(label, "You hold seats already. Pay for them or give them back first.");
      return;
    }
    if (this.picked.includes(label)) return this.drop(label);
    const state = this.#house.state(label);
    if (state !== "available") {
      const text = {
        locked: "is held by somebody else. It may come free again.",
        in_process: "is being paid for by somebody else. It may come free again.",
        booked: "is sold.",
      }[state];
      const own = this.#owned.includes(label);
      return this.#refuse(label, own ? `${seatName(label)} is yours.` : `${seatName(label)} ${text}`);
    }
    if (this.picked.length >= this.#most) return this.#refuse(label, `One booking may have ${this.#most} seats.`);
    this.picked = [...this.picked, label];
    this.#become("picking");
  }

  drop(label) {
    this.picked = this.picked.filter((other) => other !== label);
    this.#become("picking");
  }

  clear() {
    this.picked = [];
    this.#become("picking");
  }

  /** The house has changed: chosen seats may be gone, held ones may have been taken away. */
  changed(changes) {
    if (this.phase === "picking") {
      const gone = this.picked.filter((label) => this.#house.state(label) !== "available");
      const names = gone.map(seatName).join(", ");
      if (gone.length > 0) this.#lose(gone, `${names} ${gone.length === 1 ? "was" : "were"} just taken by somebody else.`);
    } else if (this.booking && !this.busy) {
      const own = new Set(this.booking.seats.map(({ seat }) => seat));
      if (changes.some(({ seat }) => own.has(seat.seat) && seat.state === "available")) this.#look();
    }
    // Given back by a refund, say.
    this.#owned = this.#owned.filter((label) => this.#house.state(label) !== "available");
  }

  #refuse(label, text) {
    this.dispatchEvent(new CustomEvent("refused", { detail: [label] }));
    this.#become(this.phase, { tone: "calm", text });
  }

  #lose(labels, text) {
    this.dispatchEvent(new CustomEvent("refused", { detail: labels }));
    this.picked = this.picked.filter((label) => !labels.includes(label));
    this.#become("picking", { tone: "bad", text });
  }

  // --- Holding ----------------------------------------------------------------------------------

  /** Holds the chosen seats, or what `want` says instead: an area or the best available. */
  async hold(want = { seats: this.picked }, repeat) {
    if (this.phase !== "picking" || this.busy) return;
    const asked = want.seats?.length ?? want.quantity ?? want.best_available.quantity;
    const ask = { what: "hold", body: JSON.stringify(want) };
    const key = repeat ?? this.#keyOf(ask);
    this.#write("asked", { want, key, at: Date.now() });
    this.#become("holding");
    try {
      const { body } = await this.#send("POST", `/v1/shows/${encodeURIComponent(this.#show)}/bookings`, { body: want, key });
      const { token, ...booking } = body;
      this.#token = token;
      this.picked = [];
      this.#settle(booking);
    } catch (error) {
      this.#unknown = error instanceof Problem ? undefined : { ...ask, key };
      this.phase = "picking";
      const seat = error.facts?.seat;
      const text = sentence(error, asked);
      if (seat && this.picked.includes(seat)) this.#lose([seat], text);
      else this.#become("picking", { tone: "bad", text });
    } finally {
      this.#write("asked", undefined);
    }
  }

  async extend() {
    await this.#command({ what: "extend" }, async (key) => {
      const { body } = await this.#send("POST", this.#path("/extend"), { key, token: this.#token });
      this.#settle(body, { tone: "good", text: "You have more time." });
    });
  }

  async cancel() {
    await this.#command({ what: "cancel" }, async () => {
      await this.#send("DELETE", this.#path(), { token: this.#token });
      this.#forget();
      this.#become("picking", { tone: "calm", text: "Your seats are free again." });
    });
  }

  /** From the end of one booking to the next. */
  again() {
    if (this.phase === "confirmed") {
      // Places without a label are nowhere on the map.
      this.#owned = [...this.#owned, ...this.booking.seats.map(({ seat }) => seat).filter((seat) => this.#house.seats.has(seat))];
      this.#write("owned", this.#owned);
    }
    this.#forget();
    this.#become("picking");
  }

  // --- Paying -----------------------------------------------------------------------------------

  /** Pays by card; without one, goes on after the bank has asked. */
  async pay(method) {
    if (this.busy) return;
    const body = method ? { payment_method: method } : {};
    this.phase = "paying";
    await this.#command({ what: "pay", body: JSON.stringify(body) }, async (key) => {
      const { body: booking } = await this.#send("POST", this.#path("/payment"), { body, key, token: this.#token });
      this.#settle(booking);
    });
  }

  /** Plays the visitor's answer to the bank's question, then goes on with the payment. */
  async answerBank(outcome) {
    if (this.busy) return;
    const path = `/v1/sandbox/intents/${encodeURIComponent(this.intent)}/authenticate`;
    this.phase = "paying";
    const done = await this.#command({ what: "answer", body: outcome }, (key) => this.#send("POST", path, { body: { outcome }, key }));
    if (done) await this.pay();
  }

  /** The sandbox's payment intent; nothing if the bank is a real one, with a page of its own. */
  get intent() {
    const url = this.booking?.next_action?.url;
    if (!url) return undefined;
    const { origin, pathname } = new URL(url, location.href);
    return origin === location.origin || pathname.includes("/sandbox/") ? decodeURIComponent(pathname.split("/").at(-1)) : undefined;
  }

  // --- The booking as the server sees it --------------------------------------------------------

  /** Takes over an answer that is a booking. */
  #settle(booking, note) {
    this.booking = booking;
    this.#write("booking", { id: booking.id, token: this.#token });
    const { status, reason, payment } = booking;
    if (status === "confirmed") return this.#become("confirmed", note);
    if (status === "aborted" || status === "refunded") {
      this.#write("booking", undefined);
      return this.#become("over", { tone: "bad", text: ending(status === "refunded" ? "refunded" : reason) });
    }
    if (status === "action_required") return this.#become("action", note);
    if (status === "paying") {
      this.#become("paying", payment?.under_review ? UNDER_REVIEW : note);
      return this.#look((booking.retry_after ?? LOOK_AGAIN_MS / 1000) * 1000);
    }
    // A slow payment that ended in a decline is told here and nowhere else.
    const fell = this.phase === "paying" && payment?.last_decline;
    const told = this.note?.passing ? undefined : this.note;
    return this.#become("held", note ?? (fell ? { tone: "bad", text: declined(payment.last_decline, booking.expires_at) } : told));
  }

  /** Asks how the booking stands. One question at a time. */
  async #look(after = 0) {
    if (this.#looking || !this.booking) return;
    this.#looking = true;
    const { id } = this.booking;
    let found;
    try {
      if (after) await sleep(after);
      found = await get(`/v1/bookings/${id}`, { token: this.#token, onwait: () => this.#become(this.phase, this.note ?? SLOW) });
    } catch (error) {
      // Gone, or its token is not one of this server's: either way there is nothing to go on with.
      if (error.status === 404 || error.status === 401) {
        this.#forget();
        this.#become("over", { tone: "bad", text: sentence(error) });
      }
    } finally {
      this.#looking = false;
    }
    if (this.booking?.id !== id) return;
    if (found) this.#settle(found);
    else if (this.phase === "paying") this.#look(LOOK_AGAIN_MS);
  }

  #tick() {
    if (this.busy || this.#looking) return;
    const waits = this.phase === "held" || this.phase === "action";
    // The server ends the hold; this page only asks whether it has.
    if (waits && this.left < -300) this.#look();
  }

  // --- Requests ---------------------------------------------------------------------------------

  /** What was asked for and never answered, with its key. */
  #unknown;

  /** The key of a request: the same as before if the same was asked for and never answered. */
  #keyOf({ what, body }) {
    return this.#unknown?.what === what && this.#unknown.body === body ? this.#unknown.key : newKey();
  }

  #path(rest = "") {
    return `/v1/bookings/${this.booking.id}${rest}`;
  }

  async #send(method, path, options) {
    const answer = await send(method, path, { ...options, onwait: () => this.#become(this.phase, SLOW) });
    this.#unknown = undefined;
    return answer;
  }

  /** Does something to the booking, under one key; says whether it was done. */
  async #command(ask, command) {
    if (this.busy || !this.booking) return false;
    const key = this.#keyOf(ask);
    let done = false;
    this.busy = true;
    this.#become(this.phase);
    try {
      await command(key);
      done = true;
    } catch (error) {
      this.#unknown = error instanceof Problem ? undefined : { ...ask, key };
      this.#fail(error);
    }
    this.busy = false;
    this.#become(this.phase, this.note);
    // The booking itself knows best where it stands now.
    if (!done) await this.#look();
    return done;
  }

  #fail(error) {
    const { code, facts } = error;
    const over = { booking_over: facts?.reason, capture_failed: "capture_failed" };
    if (code in over) {
      this.#write("booking", undefined);
      return this.#become("over", { tone: "bad", text: ending(over[code]) });
    }
    if (code === "booking_not_found" || error.status === 401) {
      this.#forget();
      return this.#become("over", { tone: "bad", text: sentence(error) });
    }
    // Under way or done already: the look that follows tells.
    if (code === "payment_in_progress" || code === "already_confirmed") return undefined;
    const text = code === "payment_declined" ? declined(facts.decline_code, this.booking.expires_at) : sentence(error);
    const note = { tone: "bad", text, passing: !(error instanceof Problem) };
    return this.#become(this.phase === "paying" ? "held" : this.phase, note);
  }

  // --- Memory -----------------------------------------------------------------------------------

  async #restore() {
    const stored = this.#read("booking");
    const asked = this.#read("asked");
    if (stored) {
      this.#token = stored.token;
      this.booking = { id: stored.id, seats: [] };
      this.phase = "restoring";
      await this.#look();
      if (this.phase === "restoring") this.#become("picking");
    } else if (asked && Date.now() - asked.at < FORGET_ASKED_MS) {
      await this.hold(asked.want, asked.key);
    }
  }

  #forget() {
    this.#write("booking", undefined);
    this.booking = undefined;
    this.#token = undefined;
  }

  #read(name) {
    try {
      return JSON.parse(sessionStorage.getItem(`${this.#key}:${name}`) ?? "null") ?? undefined;
    } catch {
      return undefined;
    }
  }

  #write(name, value) {
    try {
      if (value === undefined) sessionStorage.removeItem(`${this.#key}:${name}`);
      else sessionStorage.setItem(`${this.#key}:${name}`, JSON.stringify(value));
    } catch {
      // Storage may be forbidden; then a reload forgets, and nothing else is lost.
    }
  }

  #become(phase, note) {
    this.phase = phase;
    this.note = note;
    this.dispatchEvent(new Event("changed"));
  }
}
