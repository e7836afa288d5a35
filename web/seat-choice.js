// The seats that the visitor has chosen and does not hold yet.

import { t } from "./map-messages.js";
import { seatName } from "./words.js";

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

  /** Chooses what `seats` was before. Taken ones are `gone`. */
  restore(seats) {
    const known = seats.map((entry) => (typeof entry === "string" ? { seat: entry } : entry)).filter(({ seat }) => this.#inventory.seats.has(seat));
    this.labels = known.slice(0, this.most).map(({ seat }) => seat);
    for (const { seat, price_type: type } of known) {
      if (this.typesOf(seat).some(({ price_type }) => price_type === type)) this.choose(seat, type);
    }
  }

  has(label) {
    return this.labels.includes(label);
  }

  /** Adds a seat, or says why not. `own`: the visitor has paid for it. */
  add(label, own) {
    const state = this.#inventory.state(label);
    if (state !== "available") return t(`not_${own ? "own" : state}`, { seat: seatName(this.#inventory.named(label)) });
    if (this.labels.length >= this.most) return t("most", { count: this.most });
    this.labels = [...this.labels, label];
    return undefined;
  }

  /** What to say of chosen seats that somebody else has taken. */
  lost(labels) {
    return t("taken", { count: labels.length, seats: labels.map((label) => seatName(this.#inventory.named(label))).join(", ") });
  }

  drop(labels) {
    this.labels = this.labels.filter((label) => !labels.includes(label));
  }
}
