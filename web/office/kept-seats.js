// The seats that are kept for the till. Maps show them as not on sale, like all that is kept for somebody.

const FRESH_MS = 10_000;

export class KeptSeats {
  #call;
  #path;
  #seats = new Set();
  #until = 0;

  constructor(call, show) {
    this.#call = call;
    this.#path = `/v1/shows/${encodeURIComponent(show)}/blocks`;
  }

  /** Whether the till may sell a seat that others can't buy. Blocks are opened and lifted elsewhere: they are asked for again after a while. */
  async has(seat) {
    if (performance.now() > this.#until) {
      const { body: blocks } = await this.#call("GET", this.#path);
      const ids = blocks.data.filter(({ channel, status }) => channel === "till" && status === "open").map(({ id }) => id);
      const found = await Promise.all(ids.map((id) => this.#call("GET", `${this.#path}/${encodeURIComponent(id)}`)));
      this.#seats = new Set(found.flatMap(({ body }) => body.seats.filter(({ state }) => state === "blocked").map((blocked) => blocked.seat)));
      this.#until = performance.now() + FRESH_MS;
    }
    return this.#seats.has(seat);
  }
}
