// What this tab remembers of one show, so that a reload goes on where it was: which seats were chosen, which booking
// it shows, and a hold that was requested and not answered. Repeating that under the same key finds out what became of it.
// The tokens are kept by `bookings.js`.

/** A hold without an answer is repeated after a reload, but not after a long absence. */
const FORGET_REQUEST_MS = 60_000;

export class TabMemory {
  #key;

  constructor(show) {
    this.#key = `lastseat:${show}`;
  }

  /** Id of the booking that this tab shows. */
  get booking() {
    return this.#read("booking");
  }

  set booking(id) {
    this.#write("booking", id);
  }

  /** The chosen seats, as a hold asks for them. */
  get choice() {
    return this.#read("choice") ?? [];
  }

  set choice(seats) {
    this.#write("choice", seats.length > 0 ? seats : undefined);
  }

  /** `{ selection, key }` of a hold without an answer. */
  get request() {
    const request = this.#read("request");
    return request && Date.now() - request.at < FORGET_REQUEST_MS ? request : undefined;
  }

  set request(request) {
    this.#write("request", request && { ...request, at: Date.now() });
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
}
