// The state of every seat and area: the feed writes it, the rest of the page reads it.
//
// Changes are collected and reported once a frame. Ten seats a second or a thousand, the page
// draws as often as the screen can show it, and a seat that changed five times is drawn once. A hidden tab has no
// frames; there they are reported a few times a second.

export const STATES = ["available", "locked", "in_process", "booked", "unavailable"];

/** A report to a hidden tab. */
const HIDDEN_MS = 250;

/** States by their first letters, as a snapshot's rows have them. */
const BY_LETTER = Object.fromEntries(STATES.map((state) => [state[0], state]));

/** The labelled seats of a show on a drawn plan: the plan has their ids and labels, the snapshot their states. */
function drawnSeatsOf(areas, plan) {
  const drawn = new Map(plan.areas.map((area) => [area.area, area]));
  return areas.flatMap(({ area, price, rows = [] }) => {
    const { section, rows: drawnRows = [] } = drawn.get(area) ?? {};
    return rows.flatMap(({ row, seats }, number) => {
      const { seats: ids = [], gaps_after: gaps = [] } = drawnRows[number] ?? {};
      return ids.map(({ seat, label, x, y }, index) => {
        const gap = gaps.includes(index + 1);
        return { seat, area, price, state: BY_LETTER[seats[index]], section, row, label, x, y, gap };
      });
    });
  });
}

/** The labelled seats of a snapshot. */
function seatsOf(areas) {
  return areas.flatMap(({ area, price, rows = [] }) =>
    rows.flatMap(({ row, seats }) =>
      [...seats].map((letter, index) => ({ seat: `${row}-${index + 1}`, area, price, state: BY_LETTER[letter] })),
    ),
  );
}

export class Inventory extends EventTarget {
  seats = new Map();
  areas = new Map();
  /** What a drawn plan has besides seats. */
  shapes = [];
  /** Whether all seats of a drawn plan are in one section. */
  hasOneSection = false;
  counts = Object.fromEntries(STATES.map((state) => [state, 0]));
  /** Changes received since the page was opened. */
  changes = 0;

  #changed = new Map();
  #frame = 0;
  #timer = 0;
  /** Free labelled seats, by area. */
  #freeIn = new Map();

  /** Applies a snapshot. Differences are reported as changes. */
  reset({ areas }, plan) {
    const seats = plan ? drawnSeatsOf(areas, plan) : seatsOf(areas);
    this.shapes = plan?.shapes ?? [];
    this.hasOneSection = new Set(plan?.areas.filter(({ rows }) => rows).map(({ section }) => section)).size === 1;
    // A show of places alone has no seats before it is loaded, either.
    const same = areas.length === this.areas.size && seats.length === this.seats.size && seats.every(({ seat }) => this.seats.has(seat));
    this.areas = new Map(areas.map(({ rows, ...area }) => [area.area, area]));
    if (same) {
      for (const { seat, state } of seats) this.#set(seat, state);
      return this.#soon();
    }
    this.seats = new Map(seats.map((seat) => [seat.seat, seat]));
    this.#changed.clear();
    for (const state of STATES) this.counts[state] = 0;
    this.#freeIn.clear();
    for (const { state, area } of seats) {
      this.counts[state] += 1;
      if (state === "available") this.#freeIn.set(area, this.freeIn(area) + 1);
    }
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

  /** How many places of an area are free, with labels or without. */
  freeIn(area) {
    const known = this.areas.get(area);
    return known && !known.labelled ? known.available : (this.#freeIn.get(area) ?? 0);
  }

  /** How many places of the show are free. */
  get free() {
    return [...this.areas.keys()].reduce((sum, area) => sum + this.freeIn(area), 0);
  }

  /** Nothing can be held now. */
  get full() {
    const areas = [...this.areas.values()];
    return areas.length > 0 && areas.every(({ labelled, available }) => labelled || available === 0) && this.counts.available === 0;
  }

  /** Every labelled seat is booked, and no place of an area is left. Seats that are not on sale are not sold. */
  get soldOut() {
    return this.full && this.counts.locked === 0 && this.counts.in_process === 0 && this.counts.unavailable === 0;
  }

  /** Nothing can be held now, and nothing is held that might come free. */
  get notOnSale() {
    return this.full && this.counts.locked === 0 && this.counts.in_process === 0;
  }

  /** A seat with what its plan prints on it; the id alone of a seat that is not here. */
  named(id) {
    return this.seats.get(id) ?? id;
  }

  state(seat) {
    return this.seats.get(seat)?.state;
  }

  #set(id, state) {
    const seat = this.seats.get(id);
    if (!seat || seat.state === state || !STATES.includes(state)) return false;
    this.counts[seat.state] -= 1;
    this.counts[state] += 1;
    const freed = Number(state === "available") - Number(seat.state === "available");
    if (freed !== 0) this.#freeIn.set(seat.area, (this.#freeIn.get(seat.area) ?? 0) + freed);
    if (!this.#changed.has(id)) this.#changed.set(id, seat.state);
    seat.state = state;
    return true;
  }

  #soon() {
    if (document.hidden) this.#timer ||= setTimeout(() => this.#report(), HIDDEN_MS);
    else this.#frame ||= requestAnimationFrame(() => this.#report());
  }

  #report() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#frame = this.#timer = 0;
    const seats = [...this.#changed].map(([id, before]) => ({ seat: this.seats.get(id), before }));
    this.#changed.clear();
    this.dispatchEvent(new CustomEvent("changed", { detail: seats }));
  }
}
