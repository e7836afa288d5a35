// What the wallet keeps on the device, so that tickets can be shown without a network: bookings with their shows, tickets and rewards as they
// were loaded last. Tokens of guests' bookings are in `bookings.js`.

const NAME = "lastseat-wallet";
const VERSION = 1;
/** Longest that the storage may take to open; without it nothing is kept. */
const OPENS_MS = 4_000;

/**
 * @typedef {{ seat: string, ticket: string, id: string, section?: string, row?: string, label?: string, price_type?: string, category?: string, qr: { box: string, path: string } }} Ticket
 * @typedef {{ voucher: string, cause: "booking" | "milestone", reward: string, state: "issued" | "redeemed" | "revoked", booking: string, code?: string }} Voucher
 * @typedef {{ id: string, owner: string, booking: any, show: any, tickets: Ticket[], vouchers: Voucher[], at: number, gone?: boolean }} Card `owner` is an account's id, or `device`
 * @typedef {{ id: string, email: string, seats: number, points: number, vouchers: Voucher[] }} Account
 */

export class Store {
  /** @type {IDBDatabase | undefined} */
  #db;

  /** Without storage, as in some private windows, the wallet works and keeps nothing. */
  static async open() {
    const store = new Store();
    try {
      const request = indexedDB.open(NAME, VERSION);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("cards", { keyPath: "id" });
        request.result.createObjectStore("accounts", { keyPath: "id" });
      };
      // A tab that does not let go of the old form must not keep tickets from being shown.
      const db = await Promise.race([answer(request), after(OPENS_MS)]);
      // A tab that deletes or renews what is kept does not wait for this one.
      db.onversionchange = () => {
        db.close();
        store.#db = undefined;
      };
      store.#db = db;
    } catch {
      store.#db = undefined;
    }
    return store;
  }

  /** @returns {Promise<Card[]>} */
  async cards() {
    return this.#db ? answer(this.#db.transaction("cards").objectStore("cards").getAll()) : [];
  }

  /** @returns {Promise<Account | undefined>} the account that was signed in last */
  async account() {
    return this.#db && (await answer(this.#db.transaction("accounts").objectStore("accounts").getAll()))[0];
  }

  /** @param {Card} card */
  save(card) {
    return this.#write("cards", (cards) => cards.put(card));
  }

  /** @param {string[]} ids */
  remove(...ids) {
    return this.#write("cards", (cards) => ids.forEach((id) => cards.delete(id)));
  }

  /** @param {Account} [account] the only one from now on; without it, none */
  keepAccount(account) {
    return this.#write("accounts", (accounts) => {
      accounts.clear();
      if (account) accounts.put(account);
    });
  }

  /** Resolves when it is stored, or can't be: the wallet shows what it has loaded all the same. */
  #write(name, work) {
    if (!this.#db) return Promise.resolve();
    const transaction = this.#db.transaction(name, "readwrite");
    work(transaction.objectStore(name));
    return new Promise((resolve) => {
      transaction.oncomplete = () => resolve(undefined);
      transaction.onabort = () => resolve(undefined);
    });
  }
}

const answer = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

const after = (milliseconds) => new Promise((_, reject) => setTimeout(() => reject(new Error("the storage does not open")), milliseconds));
