// What the device keeps: the show's list, the key, and its scans. A scan is stored before anybody is let in.

const NAME = "lastseat-entrance";
const VERSION = 1;

/** @typedef {{ scan: string, show: string, ticket: string, text: string, seat: string, kind: "entry" | "exit", gate: string, at: string, number: number, known?: number, state: "asked" | "unknown" | "unsent" | "sent" | "conflict" | "refused" | "rejected", conflicts?: any[], problem?: any }} Scan */

export class Store {
  /** @type {IDBDatabase} */
  #db;

  constructor(db) {
    this.#db = db;
  }

  static async open() {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("kept");
      request.result.createObjectStore("tickets");
      const scans = request.result.createObjectStore("scans", { keyPath: "scan" });
      scans.createIndex("state", "state");
      scans.createIndex("ticket", "ticket");
    };
    return new Store(await answer(request));
  }

  /** A value by its name: the key, the device's name, when a list was loaded. */
  get(name) {
    return answer(this.#of("kept").get(name));
  }

  put(name, value) {
    return this.#write("kept", (store) => store.put(value, name));
  }

  /** The next number of what this device does. */
  async next() {
    const transaction = this.#db.transaction("kept", "readwrite");
    const store = transaction.objectStore("kept");
    const number = ((await answer(store.get("number"))) ?? 0) + 1;
    await answer(store.put(number, "number"));
    return number;
  }

  ticket(show, ticket) {
    return answer(this.#of("tickets").get(`${show}/${ticket}`));
  }

  /** Replaces a show's list at once: never half of it. */
  replaceList(show, tickets) {
    return this.#write("tickets", (store) => {
      store.delete(IDBKeyRange.bound(`${show}/`, `${show}0`, false, true));
      for (const [ticket, listed] of tickets) store.put(listed, `${show}/${ticket}`);
    });
  }

  /** @returns {Promise<Scan[]>} */
  scansOf(ticket) {
    return answer(this.#of("scans").index("ticket").getAll(ticket));
  }

  /** @returns {Promise<Scan[]>} */
  inState(state) {
    return answer(this.#of("scans").index("state").getAll(state));
  }

  /** @param {Scan} scan */
  save(scan) {
    return this.#write("scans", (store) => store.put(scan));
  }

  #of(name) {
    return this.#db.transaction(name).objectStore(name);
  }

  /** Resolves when it is on disk, as far as the browser says. */
  #write(name, work) {
    const transaction = this.#db.transaction(name, "readwrite", { durability: "strict" });
    work(transaction.objectStore(name));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(undefined);
      transaction.onabort = () => reject(transaction.error);
    });
  }
}

const answer = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
