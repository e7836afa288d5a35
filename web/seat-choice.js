// The seats that the visitor has chosen and does not hold yet.

import { seatName } from "./words.js";

const NOT_AVAILABLE = {
  locked: "is held by somebody else. It may come free again.",
  in_process: "is being paid for by somebody else. It may come free again.",
  booked: "is sold.",
};

export class SeatChoice {
  labels = [];
  /** Most seats of one booking. */
  most;
  #inventory;

  constructor(inventory, most) {
    this.#inventory = inventory;
    this.most = most;
  }

  get total() {
    return this.labels.reduce((sum, label) => sum + (this.#inventory.seats.get(label)?.price ?? 0), 0);
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
