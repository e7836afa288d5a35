// The seats that the visitor has chosen and does not hold yet.

import { seatName } from "./words.js";

const NOT_AVAILABLE = {
  locked: "is held by somebody else. It may come free again.",
  in_process: "is being paid for by somebody else. It may come free again.",
  booked: "is sold.",
  unavailable: "is not on sale.",
};

export class SeatChoice {
  labels = [];
  /** Most seats of one booking. */
  most;
  #inventory;
  #fees;
  /** Price types that were chosen, by label. */
  #chosen = new Map();

  constructor(inventory, { max_seats_per_booking: most, fees = { per_seat: 0, per_booking: 0 } }) {
    this.#inventory = inventory;
    this.most = most;
    this.#fees = fees;
  }

  /** The prices of the seats and the fees. */
  get total() {
    return this.labels.reduce((sum, label) => sum + this.priceOf(label), this.fees);
  }

  get fees() {
    return this.#fees.per_seat * this.labels.length + this.#fees.per_booking;
  }

  /** What is asked for: labels, and objects for seats that have several prices. */
  get seats() {
    return this.labels.map((seat) => (this.typesOf(seat).length > 0 ? { seat, price_type: this.typeOf(seat) } : seat));
  }

  /** The price types that a seat may have; none if it has one price. */
  typesOf(label) {
    return this.#inventory.areas.get(this.#inventory.seats.get(label)?.area)?.price_types ?? [];
  }

  /** The chosen price type of a seat, or the first. */
  typeOf(label) {
    return this.#chosen.get(label) ?? this.typesOf(label)[0]?.price_type;
  }

  choose(label, priceType) {
    this.#chosen.set(label, priceType);
  }

  /** What a seat costs at its price type. */
  priceOf(label) {
    const typed = this.typesOf(label).find(({ price_type }) => price_type === this.typeOf(label));
    return typed?.price ?? this.#inventory.seats.get(label)?.price ?? 0;
  }

  /** Chosen seats that somebody else has taken meanwhile. */
  get gone() {
    return this.labels.filter((label) => this.#inventory.state(label) !== "available");
  }

  has(label) {
    return this.labels.includes(label);
  }

  /** Adds a seat, or says why not. `own`: the visitor has paid for it. */
  add(label, own) {
    const state = this.#inventory.state(label);
    if (state !== "available") return own ? `${seatName(label)} is yours.` : `${seatName(label)} ${NOT_AVAILABLE[state]}`;
    if (this.labels.length >= this.most) return `One booking may have ${this.most} seats.`;
    this.labels = [...this.labels, label];
    return undefined;
  }

  drop(labels) {
    this.labels = this.labels.filter((label) => !labels.includes(label));
  }
}
