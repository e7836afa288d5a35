// The buyer's bookings, from the server and from what this device has kept: those of the account that is signed in, and those whose tokens
// this browser has.

import { get } from "../api.js";
import { who } from "./account.js";
import { hasTickets, loadTickets, mine } from "./reading.js";

/** @typedef {import("./store.js").Card} Card */

/** Seats of a booking that may have earned a reward. */
const GROUP = 3;

export const DEVICE = "device";

export class Wallet extends EventTarget {
  /** @type {Map<string, Card>} */
  cards = new Map();
  /** @type {import("./store.js").Account | undefined} the account whose bookings are here */
  account;
  /** The account's session: undefined until it is known, null if nobody is signed in. @type {import("./account.js").Session | null | undefined} */
  session;
  accounts = true;
  online = navigator.onLine;
  loading = true;

  #store;
  #bookings;
  #shows = new Map();
  #running;
  #again = false;

  /** @param {import("./store.js").Store} store @param {import("../bookings.js").Bookings} bookings */
  constructor(store, bookings) {
    super();
    this.#store = store;
    this.#bookings = bookings;
  }

  /** What was kept. */
  async restore() {
    for (const card of await this.#store.cards()) this.cards.set(card.id, card);
    this.account = await this.#store.account();
    await this.#dropRemoved();
    this.#changed();
  }

  /** The token that proves a booking; the account's session proves its own. */
  tokenOf({ id, owner }) {
    return owner === DEVICE ? this.#bookings.entry(id)?.token : undefined;
  }

  /** How to send a command about a booking. */
  proof(card) {
    return card.owner === DEVICE ? { token: this.tokenOf(card) } : { headers: this.session?.headers };
  }

  /** Loads everything. One at a time: a request that comes meanwhile gets a later one. */
  async refresh() {
    if (this.#running) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#refresh().finally(() => (this.#running = undefined));
    await this.#running;
    if (!this.#again) return;
    this.#again = false;
    await this.refresh();
  }

  async #refresh() {
    this.#shows.clear();
    this.online = true;
    await this.#loadAccount();
    await this.#dropRemoved();
    for (const { id, token } of this.#bookings.all) {
      // What the account has needs no token.
      if (!this.session || this.cards.get(id)?.owner !== this.session.id) await this.#load({ id, owner: DEVICE }, token);
    }
    this.loading = false;
    this.#changed();
  }

  /** The booking of a link, if its token opens it. */
  async open(id, token) {
    const booking = await get(`/v1/bookings/${encodeURIComponent(id)}`, { token });
    await this.#load({ id, owner: DEVICE }, token, booking);
  }

  /** One booking has changed: `booking` is what the server has said of it. */
  async changed(card, booking) {
    await this.#load(card, this.tokenOf(card), booking);
  }

  /** Forgets a booking on this device. */
  async forget(id) {
    this.cards.delete(id);
    await this.#store.remove(id);
    this.#bookings.remove(id);
    this.#changed();
  }

  /** An account has it now, this one or another; the token on this device is void. */
  async left({ id }) {
    this.cards.delete(id);
    await this.#store.remove(id);
    this.#bookings.remove(id);
    await this.refresh();
  }

  /** Somebody has signed out: the account and its bookings leave this device, with what is being loaded at this moment. */
  async signedOut() {
    this.session = null;
    await this.#running;
    await this.#forgetAccount();
    await this.refresh();
  }

  async #forgetAccount() {
    const ids = [...this.cards.values()].filter(({ owner }) => owner !== DEVICE).map(({ id }) => id);
    for (const id of ids) this.cards.delete(id);
    await this.#store.remove(...ids);
    this.account = undefined;
    this.session = null;
    await this.#store.keepAccount();
    this.#changed();
  }

  async #loadAccount() {
    try {
      const { session, accounts } = await who();
      [this.session, this.accounts] = [session ?? null, accounts];
      if (!this.session) return;
      const { id, email } = this.session;
      // Somebody else's tickets don't stay on the device.
      if (this.account && this.account.id !== id) await this.#switchAccount();
      const { seats, points, vouchers } = await get("/v1/me/rewards", { patience: 0 });
      if (this.session?.id !== id) return;
      this.account = { id, email, seats, points, vouchers };
      await this.#store.keepAccount(this.account);
      const bookings = await mine();
      const own = new Set(bookings.map((booking) => booking.id));
      for (const card of [...this.cards.values()]) {
        if (card.owner !== id || own.has(card.id)) continue;
        this.cards.delete(card.id);
        await this.#store.remove(card.id);
      }
      for (const booking of bookings) await this.#load({ id: booking.id, owner: id }, undefined, booking);
    } catch {
      this.online = false;
    }
  }

  /** Another tab has given seats back, or removed a booking from its list. */
  async #dropRemoved() {
    for (const { id, owner } of [...this.cards.values()]) {
      if (owner !== DEVICE || this.#bookings.entry(id)) continue;
      this.cards.delete(id);
      await this.#store.remove(id);
    }
  }

  async #switchAccount() {
    const { session } = this;
    await this.#forgetAccount();
    this.session = session;
  }

  /** Loads one booking with its show, tickets and rewards. What can't be loaded stays as it was. */
  async #load({ id, owner }, token, given) {
    const known = this.cards.get(id);
    try {
      const booking = given ?? (await get(`/v1/bookings/${encodeURIComponent(id)}`, { token, patience: 0 }));
      const show = await this.#show(booking.show);
      if (token) this.#bookings.keep(booking, token, show?.title);
      const tickets = hasTickets(booking) ? await loadTickets(id, token, known?.tickets) : [];
      const vouchers = await this.#vouchersOf(booking, token);
      await this.#keep({ id, owner, booking, show, tickets, vouchers, at: Date.now() });
    } catch (error) {
      const kept = known ?? fromEntry(this.#bookings.entry(id));
      if (error.status === undefined || error.status >= 500 || error.status === 429) {
        this.online = false;
        if (kept && !known) this.cards.set(id, kept);
      } else if (kept && (error.status === 404 || error.status === 401)) {
        // The token opens it no more. What it opened once is void, and stays as a line that says so.
        await this.#keep({ ...kept, tickets: [], gone: true });
      }
    }
  }

  async #keep(card) {
    // Who has signed out meanwhile has taken their bookings off this device.
    if (card.owner !== DEVICE && card.owner !== this.session?.id) return;
    this.cards.set(card.id, card);
    await this.#store.save(card);
    this.#changed();
  }

  #show(id) {
    if (!this.#shows.has(id)) this.#shows.set(id, get(`/v1/shows/${encodeURIComponent(id)}`, { patience: 0 }));
    return this.#shows.get(id);
  }

  async #vouchersOf(booking, token) {
    if (booking.status !== "confirmed") return [];
    if (!token) return (this.account?.vouchers ?? []).filter((voucher) => voucher.booking === booking.id);
    return booking.seats.length < GROUP ? [] : (await get("/v1/me/rewards", { token, patience: 0 })).vouchers;
  }

  #changed() {
    this.dispatchEvent(new Event("changed"));
  }
}

/** A booking that was never loaded here, as the shop has kept it. @returns {Card | undefined} */
function fromEntry(entry) {
  if (!entry) return undefined;
  const { id, show, title, seats, places, amount, currency, status, opened } = entry;
  const booking = { id, show, status, seats: places ?? seats.map((seat) => ({ seat })), amount: amount === undefined ? undefined : { value: amount, currency }, opened_at: new Date(opened).toISOString() };
  return { id, owner: DEVICE, booking, show: { title }, tickets: [], vouchers: [], at: 0 };
}
