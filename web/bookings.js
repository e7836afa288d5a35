// The visitor's bookings and their tokens. They are kept in the local storage, one entry per booking,
// so that another tab, a reload or a restart of the browser still has the ticket, and two tabs never
// overwrite each other's entries.
//
// An entry is only deleted when the visitor gives the seats back or removes it from the list: the
// token may be the only proof of a paid booking.

import { get } from "./api.js";

const PREFIX = "lastseat:booking:";

/** Statuses of bookings that may still be paid for. */
export const OPEN = ["held", "paying", "action_required"];

export class Bookings extends EventTarget {
  /** Entries by booking id. Used alone where the browser forbids storage. */
  #entries = new Map();

  constructor() {
    super();
    this.#load();
    window.addEventListener("storage", ({ key }) => {
      if (key === null || key.startsWith(PREFIX)) this.#load();
    });
  }

  /** All entries, newest first: `{ id, token, show, title, seats, places, amount, currency, status, opened }`; `places` on a drawn plan. */
  get all() {
    return [...this.#entries.values()].sort((a, b) => b.opened - a.opened);
  }

  entry(id) {
    return this.#entries.get(id);
  }

  /** The newest booking of `show` that is not paid for yet. */
  open(show) {
    return this.all.find((entry) => entry.show === show && OPEN.includes(entry.status));
  }

  /** Labels of the seats of `show` that the visitor has paid for. */
  owned(show) {
    return this.all.filter((entry) => entry.show === show && entry.status === "confirmed").flatMap(({ seats }) => seats);
  }

  /** Stores what the server says of a booking. `title` is the show's. */
  keep(booking, token, title) {
    // An account's booking, which its session proves, is not this browser's.
    if (!token) return;
    const known = this.#entries.get(booking.id);
    const entry = {
      id: booking.id,
      token,
      show: booking.show ?? known?.show,
      title: title ?? known?.title ?? booking.show,
      seats: booking.seats.map(({ seat }) => seat),
      places: placesOf(booking),
      amount: booking.amount?.value ?? known?.amount,
      currency: booking.amount?.currency ?? known?.currency,
      status: booking.status,
      opened: known?.opened ?? Date.now(),
    };
    if (JSON.stringify(entry) === JSON.stringify(known)) return;
    this.#entries.set(entry.id, entry);
    this.#write(entry.id, JSON.stringify(entry));
    this.dispatchEvent(new Event("changed"));
  }

  remove(id) {
    if (!this.#entries.delete(id)) return;
    this.#write(id, undefined);
    this.dispatchEvent(new Event("changed"));
  }

  /** Asks the server for the current state of each booking. An entry it does not know stays as it is. */
  async refresh() {
    for (const { id, token } of this.all) {
      try {
        this.keep(await get(`/v1/bookings/${id}`, { token, patience: 0 }), token);
      } catch {
        // Offline, or a token that this server does not accept: the list shows what was last known.
      }
    }
  }

  /** The address that opens the booking in any browser. The fragment is never sent to a server. */
  static link({ id, token }) {
    return `${location.origin}/?booking=${encodeURIComponent(id)}#token=${encodeURIComponent(token)}`;
  }

  #load() {
    const stored = new Map();
    try {
      for (const key of Object.keys(localStorage).filter((key) => key.startsWith(PREFIX))) {
        const entry = parse(localStorage.getItem(key));
        if (entry?.id && entry.token && Array.isArray(entry.seats)) stored.set(entry.id, entry);
      }
    } catch {
      return;
    }
    this.#entries = stored;
    this.dispatchEvent(new Event("changed"));
  }

  #write(id, value) {
    try {
      if (value === undefined) localStorage.removeItem(PREFIX + id);
      else localStorage.setItem(PREFIX + id, value);
    } catch {
      // Storage may be forbidden or full; then the list lasts as long as the page.
    }
  }
}

/** The seats as a drawn plan prints them. `undefined`, which is not stored, where their ids say it all. */
function placesOf({ seats }) {
  return seats.some(({ label }) => label !== undefined) ? seats.map(({ seat, section, row, label }) => ({ seat, section, row, label })) : undefined;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
