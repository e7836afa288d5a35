// One visitor's way from picking seats to the ticket. It knows no element: the panel draws what it
// says, the map marks `mine`.
//
//   picking ─ hold ─▶ holding ─▶ held ─ pay ─▶ paying ─▶ confirmed
//                                  ▲              │
//                                  └─ declined ───┤─▶ action (the bank asks) ─▶ paying
//                                                 └─▶ over
//
// With the gateway's own form the visitor confirms there, in `action`; a decline changes nothing. What
// the form says is not believed: the server asks the gateway, and its answer counts.
//
// `unknown` is a booking that the server does not show with the token that we have.
//
// The tokens are kept by `bookings.js`. The session storage has which booking this tab shows, so that a
// reload goes on where it was. It also has a hold that was requested and not answered: repeating it
// under the same key finds out what became of it.

import { get, newKey, Problem, send, serverNow, sleep } from "./api.js";
import { CANNOT_SHOW, declined, ending, refusedInForm, seatName, sentence } from "./words.js";

const LOOK_AGAIN_MS = 2_000;
/** How often to ask for a payment that the form reported as done, before it is offered again. */
const MOST_LOOKS = 5;
/** A hold without an answer is repeated after a reload, but not after a long absence. */
const FORGET_REQUEST_MS = 60_000;

const UNDER_REVIEW = { tone: "bad", text: "The bank's answer is unclear. A person is looking at it; you will not pay twice." };
const NOT_CONFIRMED = { tone: "bad", text: "The payment did not go through. Press the button again, or pay another way: you will not pay twice." };
const NOT_ASKED = { tone: "bad", text: "The box office could not ask the bank yet. Press the button again: you will not pay twice." };
const NO_FORM_YET = { tone: "bad", text: "The payment form did not open. Press the button again: you will not pay twice." };
const BANK_SLOW = { tone: "calm", text: "The bank has not answered yet. You will not pay twice." };
const SLOW = { tone: "calm", text: "The box office is slow to answer. Still trying; nothing is done twice.", passing: true };

export class Checkout extends EventTarget {
  phase = "picking";
  picked = [];
  booking = undefined;
  /** `{ tone: "bad" | "good" | "calm", text }`: the last message to the visitor. */
  note = undefined;
  /** Whether a request is on its way. */
  busy = false;

  #show;
  #title;
  #inventory;
  #bookings;
  #token;
  #most;
  #key;
  #looking = false;
  #hasForm;
  /** What the gateway's form confirms the payment with. In memory only. */
  #secret;
  /** Whether the server was asked for the secret of a payment that this page did not start. */
  #asked = false;
  /** The booking that is being confirmed in the form. */
  #confirms;

  /**
   * `linked` is the booking that the page's address asks for: `{ booking, token }`, or `{}` if the server
   * does not show it. `hasForm` says whether payments go through the gateway's own form.
   */
  constructor(show, inventory, bookings, linked, hasForm) {
    super();
    this.#hasForm = hasForm;
    this.#show = show.id;
    this.#title = show.title;
    this.#most = show.max_seats_per_booking;
    this.#inventory = inventory;
    this.#bookings = bookings;
    this.#key = `lastseat:${show.id}`;
    if (linked) this.#showLinked(linked);
    else this.#restore();
    // Another tab may have paid for the booking or given it back.
    bookings.addEventListener("changed", () => {
      const entry = this.booking && !this.busy && bookings.entry(this.booking.id);
      if (entry && this.booking.status && entry.status !== this.booking.status) this.#look();
      this.dispatchEvent(new Event("changed"));
    });
    setInterval(() => this.#tick(), 1_000);
  }

  /** Labels of the visitor's seats: chosen, held or booked. */
  get mine() {
    const held = this.booking && this.phase !== "over" ? this.booking.seats.map(({ seat }) => seat) : [];
    return [...new Set([...this.#owned, ...this.picked, ...held])];
  }

  /** Seats of paid bookings. A refund makes them available again. */
  get #owned() {
    return this.#bookings.owned(this.#show).filter((label) => !["available", undefined].includes(this.#inventory.state(label)));
  }

  get most() {
    return this.#most;
  }

  get total() {
    return this.picked.reduce((sum, label) => sum + (this.#inventory.seats.get(label)?.price ?? 0), 0);
  }

  /** Milliseconds until the hold ends. */
  get left() {
    return this.booking?.expires_at ? Date.parse(this.booking.expires_at) - serverNow() : 0;
  }

  // --- Picking ----------------------------------------------------------------------------------

  toggle(label) {
    if (["over", "confirmed", "unknown"].includes(this.phase)) this.again();
    if (this.phase !== "picking") {
      if (!this.mine.includes(label)) this.#refuse(label, "You hold seats already. Pay for them or give them back first.");
      return;
    }
    if (this.picked.includes(label)) return this.drop(label);
    const state = this.#inventory.state(label);
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

  /** Seats have changed: chosen ones may be gone, held ones may have been released. */
  changed(changes) {
    if (this.phase === "picking") {
      const gone = this.picked.filter((label) => this.#inventory.state(label) !== "available");
      const names = gone.map(seatName).join(", ");
      if (gone.length > 0) this.#lose(gone, `${names} ${gone.length === 1 ? "was" : "were"} just taken by somebody else.`);
    } else if (this.booking && !this.busy) {
      const own = new Set(this.booking.seats.map(({ seat }) => seat));
      // Booked while the form is open: the server has heard from the gateway first.
      const news = this.phase === "action" ? ["available", "booked"] : ["available"];
      if (changes.some(({ seat }) => own.has(seat.seat) && news.includes(seat.state))) this.#look();
    }
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

  /** Holds the chosen seats, or another `selection`: places of an area, or the best available seats. */
  async hold(selection = { seats: this.picked }, repeatedKey) {
    if (this.phase !== "picking" || this.busy) return;
    const quantity = selection.seats?.length ?? selection.quantity ?? selection.best_available.quantity;
    const request = { command: "hold", body: JSON.stringify(selection) };
    const key = repeatedKey ?? this.#keyOf(request);
    this.#write("request", { selection, key, at: Date.now() });
    this.#become("holding");
    try {
      const { body } = await this.#send("POST", `/v1/shows/${encodeURIComponent(this.#show)}/bookings`, { body: selection, key });
      const { token, ...booking } = body;
      this.#write("request", undefined);
      this.#token = token;
      this.picked = [];
      this.#settle(booking);
    } catch (error) {
      this.#unanswered = isDecided(error) ? undefined : { ...request, key };
      // Without a decision the hold may exist. The same key finds out, also after a reload.
      if (isDecided(error)) this.#write("request", undefined);
      this.phase = "picking";
      const seat = error.facts?.seat;
      const text = sentence(error, quantity);
      if (seat && this.picked.includes(seat)) this.#lose([seat], text);
      else this.#become("picking", { tone: "bad", text });
    }
  }

  async extend() {
    await this.#command({ command: "extend" }, async (key) => {
      const { body } = await this.#send("POST", this.#path("/extend"), { key, token: this.#token });
      this.#settle(body, { tone: "good", text: "You have more time." });
    });
  }

  async cancel() {
    await this.#command({ command: "cancel" }, async () => {
      await this.#send("DELETE", this.#path(), { token: this.#token });
      this.#bookings.remove(this.booking.id);
      this.#leave();
      this.#become("picking", { tone: "calm", text: "Your seats are free again." });
    });
  }

  /** Leaves a booking that is over, paid or unknown. Goes on with an open one if there is one, else with picking. */
  again() {
    this.#leave();
    this.#become("picking");
    this.#restore();
  }

  /** Shows another booking of this show. */
  async open({ id, token }) {
    if (this.busy || this.phase === "holding") return;
    this.picked = [];
    await this.#load(id, token);
  }

  // --- Paying -----------------------------------------------------------------------------------

  /** Pays by card; without one, goes on after the bank has asked. */
  async pay(method) {
    await this.#pay(method ? { payment_method: method } : {});
  }

  /** Begins, or continues, a payment in the gateway's own form. */
  async openForm() {
    await this.#pay(this.phase === "action" ? {} : { confirm: "client" });
  }

  /** Says whether the server has answered. */
  async #pay(body) {
    if (this.busy) return false;
    this.phase = "paying";
    return this.#command({ command: "pay", body: JSON.stringify(body) }, async (key) => {
      const { body: booking } = await this.#send("POST", this.#path("/payment"), { body, key, token: this.#token });
      this.#settle(booking);
    });
  }

  /** Whether the payment goes on in the gateway's form, and not on a page of the bank. */
  get inForm() {
    return this.#hasForm && this.phase === "action" && !this.booking.next_action?.url;
  }

  /** What the form confirms; `undefined` while the server has not said. */
  get secret() {
    return this.inForm || this.phase === "paying" ? this.#secret : undefined;
  }

  /** Whether the visitor and the gateway are busy with the form. */
  get confirming() {
    return this.booking !== undefined && this.#confirms === this.booking.id;
  }

  /** Where the bank's page leads back to. It has no token: this browser keeps it. */
  get returnUrl() {
    return `${location.origin}/?booking=${encodeURIComponent(this.booking.id)}`;
  }

  /** Confirms in the gateway's form: `run` does, and returns what `PaymentForm.confirm` returns. */
  async confirm(run) {
    if (this.busy || this.confirming || !this.inForm) return;
    const { id } = this.booking;
    this.#confirms = id;
    this.#become("action");
    const { done, refused } = await run();
    if (this.#confirms === id) this.#confirms = undefined;
    // Meanwhile the hold may have ended, or the server may know already.
    if (this.booking?.id !== id || !this.inForm) return;
    if (refused) return this.#become("action", { tone: "bad", text: refusedInForm(refused, this.booking.expires_at) });
    let asked = await this.#pay({});
    for (let look = 0; asked && done && look < MOST_LOOKS && this.booking?.id === id && this.inForm; look += 1) {
      this.#become("paying", BANK_SLOW);
      await sleep(LOOK_AGAIN_MS);
      // The answer may have come another way.
      if (this.booking?.id === id && ["paying", "action"].includes(this.phase)) asked = await this.#pay({});
    }
    if (this.booking?.id !== id || !this.inForm || this.note) return;
    this.#become("action", !asked ? NOT_ASKED : done ? BANK_SLOW : NOT_CONFIRMED);
  }

  /** Sends the visitor's answer to the bank's question, then continues the payment. */
  async answerBank(outcome) {
    if (this.busy) return;
    const path = `/v1/sandbox/intents/${encodeURIComponent(this.intent)}/authenticate`;
    this.phase = "paying";
    const done = await this.#command({ command: "answer", body: outcome }, (key) => this.#send("POST", path, { body: { outcome }, key }));
    if (done) await this.pay();
  }

  /** The bank's page: an encrypted one, or one of this server. Anything else is not opened. */
  get bankUrl() {
    const given = this.booking?.next_action?.url;
    if (!given || !URL.canParse(given, location.href)) return undefined;
    const url = new URL(given, location.href);
    return url.protocol === "https:" || url.origin === location.origin ? url.href : undefined;
  }

  /** The sandbox's payment intent; nothing if the bank is a real one, with a page of its own. */
  get intent() {
    const { bankUrl } = this;
    if (!bankUrl) return undefined;
    const { origin, pathname } = new URL(bankUrl);
    return origin === location.origin || pathname.includes("/sandbox/") ? decodeURIComponent(pathname.split("/").at(-1)) : undefined;
  }

  // --- The booking as the server sees it --------------------------------------------------------

  /** Takes over an answer that is a booking. */
  #settle(booking, note) {
    this.booking = booking;
    this.#write("booking", booking.id);
    this.#bookings.keep(booking, this.#token, this.#title);
    const { status, reason, payment } = booking;
    if (status !== "paying" && status !== "action_required") this.#forgetForm();
    if (status === "confirmed") return this.#become("confirmed", note);
    if (status === "aborted" || status === "refunded") {
      this.#write("booking", undefined);
      return this.#become("over", { tone: "bad", text: ending(status === "refunded" ? "refunded" : reason) });
    }
    // An old message stays, unless it was about a passing trouble.
    const lasting = this.note?.passing ? undefined : this.note;
    if (status === "action_required") {
      this.#secret = booking.next_action?.client_secret ?? this.#secret;
      const none = booking.retry_after && !this.#secret && this.#hasForm ? NO_FORM_YET : undefined;
      return this.#become("action", note ?? none ?? lasting);
    }
    if (status === "paying") {
      this.#become("paying", payment?.under_review ? UNDER_REVIEW : note);
      return this.#look((booking.retry_after ?? LOOK_AGAIN_MS / 1000) * 1000);
    }
    // A slow payment that ended in a decline is reported here and nowhere else.
    const decline = this.phase === "paying" && payment?.last_decline;
    return this.#become("held", note ?? (decline ? { tone: "bad", text: declined(payment.last_decline, booking.expires_at) } : lasting));
  }

  /** Asks for the state of the booking. One question at a time. */
  async #look(after = 0) {
    if (this.#looking || !this.booking) return;
    this.#looking = true;
    const { id } = this.booking;
    let found;
    try {
      if (after) await sleep(after);
      found = await get(`/v1/bookings/${id}`, { token: this.#token, onwait: () => this.#become(this.phase, this.note ?? SLOW) });
    } catch (error) {
      if (this.booking?.id === id && (error.status === 404 || error.status === 401)) this.#cannotShow();
    } finally {
      this.#looking = false;
    }
    // Meanwhile the visitor may have opened another booking.
    if (this.booking?.id !== id) return this.booking && this.phase === "restoring" ? this.#look() : undefined;
    if (found) {
      this.#settle(found);
      await this.#continueForm();
    } else if (this.phase === "paying" || this.phase === "restoring") this.#look(LOOK_AGAIN_MS);
  }

  /** A payment that was begun before a reload, or in another tab: the server has its secret, or knows how it ended. */
  async #continueForm() {
    if (!this.inForm || this.#secret || this.#asked || this.busy) return;
    this.#asked = true;
    await this.pay();
  }

  #forgetForm() {
    this.#secret = undefined;
    this.#asked = false;
  }

  #tick() {
    if (this.busy || this.#looking) return;
    const waits = this.phase === "held" || this.phase === "action";
    // The server ends the hold; this page only asks whether it has.
    if (waits && this.left < -300) this.#look();
  }

  // --- Requests ---------------------------------------------------------------------------------

  /** The request that was never answered, with its key. */
  #unanswered;

  /** The key of a request: the same as before if the same request was never answered. */
  #keyOf({ command, body }) {
    return this.#unanswered?.command === command && this.#unanswered.body === body ? this.#unanswered.key : newKey();
  }

  #path(rest = "") {
    return `/v1/bookings/${this.booking.id}${rest}`;
  }

  async #send(method, path, options) {
    const answer = await send(method, path, { ...options, onwait: () => this.#become(this.phase, SLOW) });
    this.#unanswered = undefined;
    return answer;
  }

  /** Does something to the booking, under one key; says whether it was done. */
  async #command(request, run) {
    if (this.busy || !this.booking) return false;
    const key = this.#keyOf(request);
    let done = false;
    this.busy = true;
    this.#become(this.phase);
    try {
      await run(key);
      done = true;
    } catch (error) {
      this.#unanswered = isDecided(error) ? undefined : { ...request, key };
      this.#fail(error);
    }
    this.busy = false;
    this.#become(this.phase, this.note);
    // The booking itself has its current state.
    if (!done) await this.#look();
    return done;
  }

  #fail(error) {
    const { code, facts } = error;
    const over = { booking_over: facts?.reason, capture_failed: "capture_failed" };
    if (code in over) {
      this.#write("booking", undefined);
      this.#bookings.keep({ ...this.booking, status: "aborted" }, this.#token, this.#title);
      return this.#become("over", { tone: "bad", text: ending(over[code]) });
    }
    if (code === "booking_not_found" || error.status === 401) return this.#cannotShow();
    // In progress or done already: the next look shows it.
    if (code === "payment_in_progress" || code === "already_confirmed") return undefined;
    const text = code === "payment_declined" ? declined(facts.decline_code, this.booking.expires_at) : sentence(error);
    const note = { tone: "bad", text, passing: !(error instanceof Problem) };
    // The form stays open until the server says otherwise.
    return this.#become(this.phase !== "paying" ? this.phase : this.#secret ? "action" : "held", note);
  }

  // --- Memory -----------------------------------------------------------------------------------

  /** Goes on with the booking that this tab showed last, else with an open one from another tab. */
  async #restore() {
    const id = this.#read("booking");
    const entry = (id && this.#bookings.entry(id)) ?? this.#bookings.open(this.#show);
    const request = this.#read("request");
    if (entry) {
      await this.#load(entry.id, entry.token);
      // A hold from another tab that has ended meanwhile is no news here.
      if (this.phase === "over" && entry.id !== id) this.again();
    } else if (request && Date.now() - request.at < FORGET_REQUEST_MS) {
      await this.hold(request.selection, request.key);
    }
  }

  #showLinked({ booking, token }) {
    if (!booking) return this.#cannotShow();
    this.#token = token;
    this.phase = "restoring";
    this.#settle(booking);
    this.#continueForm();
  }

  async #load(id, token) {
    this.#token = token;
    this.#forgetForm();
    this.booking = { id, seats: [] };
    this.#become("restoring");
    await this.#look();
  }

  /** The server does not show the booking with this token. Its entry stays: it may be a paid one. */
  #cannotShow() {
    this.#leave();
    this.#become("unknown", { tone: "bad", text: CANNOT_SHOW });
  }

  #leave() {
    this.#write("booking", undefined);
    this.booking = undefined;
    this.#token = undefined;
    this.#forgetForm();
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

/** Whether the server has said that the request was not, and will not be, carried out. */
function isDecided(error) {
  return error instanceof Problem && error.status < 500 && error.code !== "idempotency_in_flight";
}
