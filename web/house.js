// What is known of the seats: one place that the feed writes and everything on the page reads.
//
// Changes are collected and handed on once a frame. Ten seats a second or a thousand, the page
// draws as often as the screen can show it, and a seat that changed five times is drawn once.

export const STATES = ["available", "locked", "in_process", "booked"];

export class House extends EventTarget {
  seats = new Map();
  areas = new Map();
  counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  /** Changes that came in, ever; what the ticker counts. */
  changes = 0;

  #changed = new Map();
  #frame = 0;

  /** Takes over a snapshot. What differs from what was known is handed on as a change. */
  reset({ seats, areas }) {
    const same = seats.length === this.seats.size && seats.every(({ seat }) => this.seats.has(seat));
    this.areas = new Map(areas.map((area) => [area.area, { ...area }]));
    if (same) {
      for (const { seat, state } of seats) this.#set(seat, state);
      return this.#soon();
    }
    this.seats = new Map(seats.map((seat) => [seat.seat, { ...seat }]));
    this.#changed.clear();
    for (const state of STATES) this.counts[state] = 0;
    for (const { state } of seats) this.counts[state] += 1;
    this.dispatchEvent(new Event("loaded"));
  }

  /** One seat has become `state`. */
  change(seat, state) {
    if (!this.#set(seat, state)) return;
    this.changes += 1;
    this.#soon();
  }

  /** An area without labels has `available` places left. */
  available(area, available) {
    const known = this.areas.get(area);
    if (!known || known.available === available) return;
    known.available = available;
    this.changes += 1;
    this.#soon();
  }

  state(seat) {
    return this.seats.get(seat)?.state;
  }

  #set(id, state) {
    const seat = this.seats.get(id);
    if (!seat || seat.state === state || !STATES.includes(state)) return false;
    this.counts[seat.state] -= 1;
    this.counts[state] += 1;
    if (!this.#changed.has(id)) this.#changed.set(id, seat.state);
    seat.state = state;
    return true;
  }

  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const seats = [...this.#changed].map(([id, before]) => ({ seat: this.seats.get(id), before }));
      this.#changed.clear();
      this.dispatchEvent(new CustomEvent("changed", { detail: seats }));
    });
  }
}
