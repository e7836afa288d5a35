// One visitor's way from picking seats to the ticket. It knows no element: the panel draws what it
// says, the map marks `mine`. How a held booking is paid is in `payment.js`.
//
//   picking ─ hold ─▶ holding ─▶ held ─ pay ─▶ paying ─▶ confirmed
//                                  ▲              │
//                                  └─ declined ───┤─▶ action (the bank asks) ─▶ paying
//                                                 └─▶ over
//
// With the gateway's own form the visitor confirms there, in `action`; a decline changes nothing.
//
// `unknown` is a booking that the server does not show with the token that we have.

import { get, serverNow, sleep } from "./api.js";
import { endedBy, failure, stepOf } from "./outcomes.js";
import { Payment } from "./payment.js";
import { t as pay } from "./payment-messages.js";
import { sentence } from "./refusals.js";
import { asksForChallenge, isDecided, Requests } from "./requests.js";
import { SeatChoice } from "./seat-choice.js";
import { t } from "./shop-messages.js";
import { TabMemory } from "./tab-memory.js";
import { money } from "./words.js";

const LOOK_AGAIN_MS = 2_000;

const solving = () => ({ tone: "calm", text: pay("solving") });
const slow = () => ({ tone: "calm", text: pay("slow"), passing: true });

export class Checkout extends EventTarget {
  phase = "picking";
  booking = undefined;
  /** `{ tone: "bad" | "good" | "calm", text, about }`: the last message to the visitor. It is shown where it is `about`, such as at the voucher. */
  note = undefined;
  /** Whether a request is on its way. */
  busy = false;
  /** @type {Payment} */
  payment;
  /** A seat as the plan prints it. */
  named = (label) => this.#inventory.named(label);

  #show;
  #title;
  #inventory;
  #full = false;
  #bookings;
  #token;
  #choice;
  #memory;
  #requests = new Requests(() => this.#become(this.phase, slow()));
  #looking = false;

  /**
   * `linked` is the booking that the page's address asks for: `{ booking, token }`, or `{}` if the server
   * does not show it. `hasForm` says whether payments go through the gateway's own form.
   */
  constructor(show, inventory, bookings, linked, hasForm) {
    super();
    this.payment = new Payment(this, hasForm, this.#requests, {
      command: (request, run) => this.#command(request, run),
      post: (rest, options) => this.#post(rest, options),
      become: (phase, note) => this.#become(phase, note),
    });
    this.#show = show.id;
    this.#title = show.title;
    this.#choice = new SeatChoice(inventory, show);
    this.#inventory = inventory;
    this.#bookings = bookings;
    this.#memory = new TabMemory(show.id);
    if (linked) this.#showLinked(linked);
    else this.#restore();
    // Another tab may have paid for the booking or given it back.
    bookings.addEventListener("changed", () => {
      const entry = this.booking && !this.busy && bookings.entry(this.booking.id);
      if (entry && this.booking.status && entry.status !== this.booking.status) this.#look();
      this.dispatchEvent(new Event("changed"));
    });
    setInterval(() => this.#tick(), 1_000);
    // Another language, or new prices, load the page again.
    window.addEventListener("pagehide", () => (this.#memory.choice = this.phase === "picking" ? this.#choice.seats : []));
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

  /** Whether seats are known without their section. */
  get hasOneSection() {
    return this.#inventory.hasOneSection;
  }

  /** Labels of the seats that are chosen and not held. */
  get picked() {
    return this.#choice.labels;
  }

  get most() {
    return this.#choice.most;
  }

  get total() {
    return this.#choice.total;
  }

  /** The part of the total that are fees. */
  get fees() {
    return this.#choice.fees;
  }

  /** The price types that a chosen seat may have, and the one that it has. */
  priceTypes(label) {
    return { types: this.#choice.typesOf(label), chosen: this.#choice.typeOf(label) };
  }

  choosePriceType(label, priceType) {
    this.#choice.choose(label, priceType);
    this.#become(this.phase, this.note);
  }

  /** Milliseconds until the hold ends. */
  get left() {
    return this.booking?.expires_at ? Date.parse(this.booking.expires_at) - serverNow() : 0;
  }

  // --- Picking ----------------------------------------------------------------------------------

  toggle(label) {
    if (["over", "confirmed", "unknown"].includes(this.phase)) this.again();
    if (this.phase !== "picking") {
      if (!this.mine.includes(label)) this.#refuse(label, t("hold_already"));
      return;
    }
    if (this.#choice.has(label)) return this.drop(label);
    const refusal = this.#choice.add(label, this.#owned.includes(label));
    if (refusal) return this.#refuse(label, refusal);
    this.#become("picking");
  }

  drop(label) {
    this.#choice.drop([label]);
    this.#become("picking");
  }

  clear() {
    this.#choice.drop(this.picked);
    this.#become("picking");
  }

  /** The seats are there: takes over what was chosen before a reload, as far as it can still be chosen. */
  loaded() {
    const { choice } = this.#memory;
    this.#memory.choice = [];
    if (this.phase === "picking" && this.picked.length === 0 && choice.length > 0) {
      this.#choice.restore(choice);
      this.#become("picking", this.note);
    }
    this.changed([]);
  }

  /** Whether nothing can be held now. */
  get full() {
    return this.#full;
  }

  /** Seats have changed: chosen ones may be gone, held ones may have been released, and the last one may have been taken. */
  changed(changes) {
    if (this.#full !== this.#inventory.full) {
      this.#full = this.#inventory.full;
      this.#become(this.phase, this.note);
    }
    if (this.phase === "picking") {
      const { gone } = this.#choice;
      if (gone.length > 0) this.#lose(gone, this.#choice.lost(gone));
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
    this.#choice.drop(labels);
    this.#become("picking", { tone: "bad", text });
  }

  // --- Holding ----------------------------------------------------------------------------------

  /** Sends a hold, and once more with a solved challenge if the server asks for one. */
  async #sendHold(selection, key) {
    const path = `/v1/shows/${encodeURIComponent(this.#show)}/bookings`;
    try {
      return await this.#requests.send("POST", path, { body: selection, key });
    } catch (error) {
      if (!asksForChallenge(error)) throw error;
      this.#become("holding", solving());
      const { solveChallenge } = await import("./challenge.js");
      const solution = await solveChallenge(this.#show);
      return this.#requests.send("POST", path, { body: selection, key, solution });
    }
  }

  /** Holds the chosen seats, or another `selection`: places of an area, or the best available seats. */
  async hold(selection = { seats: this.#choice.seats }, repeatedKey) {
    if (this.phase !== "picking" || this.busy) return;
    const quantity = selection.seats?.length ?? selection.quantity ?? selection.best_available.quantity;
    const request = { command: "hold", body: JSON.stringify(selection) };
    const key = repeatedKey ?? this.#requests.keyOf(request);
    this.#memory.request = { selection, key };
    this.#become("holding");
    try {
      const { body } = await this.#sendHold(selection, key);
      const { token, ...booking } = body;
      this.#memory.request = undefined;
      this.#token = token;
      this.#choice.drop(this.picked);
      this.#settle(booking);
    } catch (error) {
      this.#requests.failed(request, key, error);
      // Without a decision the hold may exist. The same key finds out, also after a reload.
      if (isDecided(error)) this.#memory.request = undefined;
      this.phase = "picking";
      const seat = error.facts?.seat;
      const text = sentence(error, this.named, quantity);
      if (seat && this.#choice.has(seat)) this.#lose([seat], text);
      else this.#become("picking", { tone: "bad", text });
    }
  }

  async extend() {
    await this.#command({ command: "extend" }, (key) => this.#post("/extend", { key }, () => ({ tone: "good", text: t("more_time") })));
  }

  async cancel() {
    await this.#command({ command: "cancel" }, async () => {
      await this.#requests.send("DELETE", this.#path(), { token: this.#token });
      this.#bookings.remove(this.booking.id);
      this.#leave();
      this.#become("picking", { tone: "calm", text: t("given_back") });
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
    this.#choice.drop(this.picked);
    await this.#load(id, token);
  }

  // --- Vouchers ---------------------------------------------------------------------------------

  /** Whether a voucher can change what the booking costs: not after an attempt to pay. */
  get takesVoucher() {
    return this.phase === "held" && !this.booking.payment;
  }

  async useVoucher(code) {
    const body = { voucher: code };
    const used = ({ discount }) => ({ tone: "good", text: pay("voucher_used", { amount: money(discount?.value ?? 0) }), about: "voucher" });
    return this.#command({ command: "voucher", body: JSON.stringify(body) }, (key) => this.#post("/voucher", { body, key }, used), "voucher");
  }

  async removeVoucher() {
    await this.#command({ command: "no voucher" }, async () => {
      const { body: booking } = await this.#requests.send("DELETE", this.#path("/voucher"), { token: this.#token });
      this.#settle(booking, { tone: "calm", text: pay("voucher_removed"), about: "voucher" });
    }, "voucher");
  }

  // --- The booking as the server sees it --------------------------------------------------------

  /** Takes over an answer that is a booking. */
  #settle(booking, note) {
    this.booking = booking;
    this.#memory.booking = booking.id;
    this.#bookings.keep(booking, this.#token, this.#title);
    const { status } = booking;
    this.payment.heard(booking);
    const before = { phase: this.phase, note: this.note, ...this.payment.form };
    const step = stepOf(booking, before, note);
    if (step.phase === "over") this.#memory.booking = undefined;
    this.#become(step.phase, step.note);
    return status === "paying" ? this.#look((booking.retry_after ?? LOOK_AGAIN_MS / 1000) * 1000) : undefined;
  }

  /** Asks for the state of the booking. One question at a time. */
  async #look(after = 0) {
    if (this.#looking || !this.booking) return;
    this.#looking = true;
    const { id } = this.booking;
    let found;
    try {
      if (after) await sleep(after);
      found = await get(`/v1/bookings/${id}`, { token: this.#token, onwait: () => this.#become(this.phase, this.note ?? slow()) });
    } catch (error) {
      if (this.booking?.id === id && (error.status === 404 || error.status === 401)) this.#cannotShow();
    } finally {
      this.#looking = false;
    }
    // Meanwhile the visitor may have opened another booking.
    if (this.booking?.id !== id) return this.booking && this.phase === "restoring" ? this.#look() : undefined;
    if (found) {
      this.#settle(found);
      await this.payment.goOn();
    } else if (this.phase === "paying" || this.phase === "restoring") this.#look(LOOK_AGAIN_MS);
  }

  #tick() {
    if (this.busy || this.#looking) return;
    const waits = this.phase === "held" || this.phase === "action";
    // The server ends the hold; this page only asks whether it has.
    if (waits && this.left < -300) this.#look();
  }

  // --- Requests ---------------------------------------------------------------------------------

  #path(rest = "") {
    return `/v1/bookings/${this.booking.id}${rest}`;
  }

  /** Posts something about the booking, and takes over the answer; `note` makes of that what is said. */
  async #post(rest, options, note) {
    const { body } = await this.#requests.send("POST", this.#path(rest), { ...options, token: this.#token });
    this.#settle(body, note?.(body));
  }

  /** Does something to the booking, under one key; says whether it was done. `about`: where a failure is shown. */
  async #command(request, run, about) {
    if (this.busy || !this.booking) return false;
    const key = this.#requests.keyOf(request);
    let done = false;
    this.busy = true;
    this.#become(this.phase);
    try {
      await run(key);
      done = true;
    } catch (error) {
      this.#requests.failed(request, key, error);
      this.#fail(error, about);
    }
    this.busy = false;
    this.#become(this.phase, this.note);
    // The booking itself has its current state.
    if (!done) await this.#look();
    return done;
  }

  #fail(error, about) {
    const ended = endedBy(error);
    if (ended) {
      this.#memory.booking = undefined;
      this.#bookings.keep({ ...this.booking, status: "aborted" }, this.#token, this.#title);
      return this.#become("over", ended);
    }
    if (error.code === "booking_not_found" || error.status === 401) return this.#cannotShow();
    const note = failure(error, this.booking, this.named);
    // The form stays open until the server says otherwise.
    const open = this.phase !== "paying" ? this.phase : this.payment.form.secret ? "action" : "held";
    return note && this.#become(open, { ...note, about });
  }

  // --- Memory -----------------------------------------------------------------------------------

  /** Goes on with the booking that this tab showed last, else with an open one from another tab. */
  async #restore() {
    const id = this.#memory.booking;
    const entry = (id && this.#bookings.entry(id)) ?? this.#bookings.open(this.#show);
    const { request } = this.#memory;
    if (entry) {
      await this.#load(entry.id, entry.token);
      // A hold from another tab that has ended meanwhile is no news here.
      if (this.phase === "over" && entry.id !== id) this.again();
    } else if (request) {
      await this.hold(request.selection, request.key);
    }
  }

  #showLinked({ booking, token }) {
    if (!booking) return this.#cannotShow();
    this.#token = token;
    this.phase = "restoring";
    this.#settle(booking);
    this.payment.goOn();
  }

  async #load(id, token) {
    this.#token = token;
    this.payment.forget();
    this.booking = { id, seats: [] };
    this.#become("restoring");
    await this.#look();
  }

  /** The server does not show the booking with this token. Its entry stays: it may be a paid one. */
  #cannotShow() {
    this.#leave();
    this.#become("unknown", { tone: "bad", text: pay("cannot_show") });
  }

  #leave() {
    this.#memory.booking = undefined;
    this.booking = undefined;
    this.#token = undefined;
    this.payment.forget();
  }

  #become(phase, note) {
    this.phase = phase;
    this.note = note;
    this.dispatchEvent(new Event("changed"));
  }
}
