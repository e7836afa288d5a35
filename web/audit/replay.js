// A show's seats at any moment of its history, from the events of the log. Pure.

/**
 * What a seat's event makes of it. Its owner's payment is on the booking's stream and not shown here. `SeatReserved` is how the first
 * version stored a lock.
 */
const STATES = {
  SeatLocked: () => "locked",
  SeatReserved: () => "locked",
  SeatBooked: () => "booked",
  // A seat that was bought from a block is back in it.
  SeatReleased: ({ block }) => (block ? "unavailable" : "available"),
  SeatBlocked: () => "unavailable",
  SeatUnblocked: () => "available",
};

/**
 * @typedef {{ position: number, id: string, stream: string, revision: number, type: string, data: any, metadata: any }} Logged
 */

/** The seat that an event is of, or undefined if it is of none. */
export function seatOf({ stream, type }) {
  return Object.hasOwn(STATES, type) && stream.startsWith("seat-") ? stream.slice(stream.indexOf(".") + 1) : undefined;
}

/** Seats that follow the events of a show, forwards and backwards. */
export class Replay {
  /** @type {Logged[]} */
  events;
  /** How many of the events have happened. */
  at = 0;

  #states = new Map();
  /** Of each event that has happened: what its seat was before. */
  #before = [];

  /** @param {Logged[]} events of the show and its seats, by position */
  constructor(events) {
    this.events = events;
  }

  state(seat) {
    return this.#states.get(seat) ?? "available";
  }

  /** Moves to the moment after so many events. Returns the seats that changed. */
  moveTo(at) {
    const changed = new Set();
    const target = Math.max(0, Math.min(at, this.events.length));
    while (this.at < target) {
      const event = this.events[this.at++];
      const seat = seatOf(event);
      this.#before.push(seat && this.state(seat));
      if (seat) changed.add(seat), this.#states.set(seat, STATES[event.type](event.data));
    }
    while (this.at > target) {
      const seat = seatOf(this.events[--this.at]);
      const before = this.#before.pop();
      if (seat) changed.add(seat), this.#states.set(seat, before);
    }
    return changed;
  }

  /** How many seats are in each state, of those that an event has touched. */
  counts() {
    const counts = { available: 0, locked: 0, booked: 0, unavailable: 0 };
    for (const state of this.#states.values()) counts[state] += 1;
    return counts;
  }

  /** How many places of an area without labels, `floor:1`, can't be held. */
  taken(area) {
    let count = 0;
    for (const [seat, state] of this.#states) if (state !== "available" && seat.startsWith(`${area}:`)) count += 1;
    return count;
  }

  /** The moment of a position: the number of events up to it. */
  indexOf(position) {
    let [low, high] = [0, this.events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.events[middle].position <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Which of the events of one command the last one is, `{ index, count }`. They are written together where one machine keeps the log: nobody
   * ever saw the seats between them.
   */
  get part() {
    const causeOf = (index) => this.events[index]?.metadata.$causationId;
    const last = this.at - 1;
    const cause = causeOf(last);
    if (!cause) return { index: 1, count: 1 };
    let [first, end] = [last, last];
    while (causeOf(first - 1) === cause) first -= 1;
    while (causeOf(end + 1) === cause) end += 1;
    return { index: last - first + 1, count: end - first + 1 };
  }

  /**
   * Where the seats of this moment differ from the server's map of the same position: `[{ seat, here, there }]`. To the map, a seat whose
   * booking is being paid is `in_process`; here it is locked like any other.
   *
   * @param {Iterable<{ seat: string, state: string }>} map
   */
  differences(map) {
    const found = [];
    for (const { seat, state } of map) {
      const here = this.state(seat);
      const there = state === "in_process" ? "locked" : state;
      if (here !== there) found.push({ seat, here, there });
    }
    return found;
  }
}

/**
 * The booking that an event belongs to, if to any. A reward's voucher doesn't name it in its body. Everything else that doesn't belongs to
 * something else, which `$correlationId` names as well: a block, a campaign, a command.
 * @param {Logged} event
 */
export function bookingOf({ data, metadata }) {
  return data.booking ?? (data.source?.reward && metadata.$correlationId);
}

/**
 * The events that belong to a booking, each with the position of what caused it, if that is among them.
 * @param {Logged[]} events
 */
export function chainOf(events, booking) {
  const isOwn = ({ stream, data, metadata }) => metadata.$correlationId === booking || data?.booking === booking || stream === `booking-${booking}`;
  const own = events.filter(isOwn);
  const positions = new Map(own.map(({ id, position }) => [id, position]));
  const sorted = [...new Map(own.map((event) => [event.position, event])).values()].sort((one, other) => one.position - other.position);
  return sorted.map((event) => ({ ...event, cause: positions.get(event.metadata.$causationId) }));
}

/**
 * What a booking's own events name: its show, its seats with those of exchanges, and the streams of these and of its vouchers.
 * @param {Logged[]} own the events of its stream
 */
export function streamsOf(own) {
  const show = own.find(({ type }) => type === "BookingOpened")?.data.show;
  const named = own.flatMap(({ data }) => [...(data.seats ?? []), ...(data.takes ?? []), ...(data.leaves ?? [])]);
  const seats = [...new Set(named.map((seat) => seat.seat ?? seat))];
  const vouchers = new Set(own.map(({ data }) => data.voucher).filter(Boolean));
  return { show, seats, streams: [...seats.map((seat) => `seat-${show}.${seat}`), ...[...vouchers].map((hash) => `voucher-${hash}`)] };
}
