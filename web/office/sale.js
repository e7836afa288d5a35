// A sale at the till: a hold, and then its payment. Until the server has decided, it is the same sale, however often it is tried.

import { Problem } from "../api.js";
import { isDecided } from "../requests.js";

/** Whether the server has carried out no part of it and never will. Who is not signed in any more learns nothing about it. */
const isRefused = (error) => isDecided(error) && error.status !== 401;

export class Sale {
  /** `new`, `running`, `unknown` (there was no answer), `ready` (a voucher has changed the amount, which nobody has agreed to), `sold`, `refused` or `given_up`. */
  state = "new";
  /** The booking, as far as it is known. */
  booking;
  order;
  tender;

  #call;
  #show;
  #key;
  #voucher;
  /** Whether the buyer knows what it costs. */
  #agreed;

  /**
   * @param {{ call: (method: string, path: string, options?: any) => Promise<any>, show: string, order: Record<string, unknown>, tender: string, key: string,
   *   voucher?: string }} sale `order` says which seats, as a hold has it. A `voucher` is applied before the payment, which waits for `agree`.
   */
  constructor({ call, show, order, tender, key, voucher }) {
    this.#call = call;
    this.#show = show;
    this.order = order;
    this.tender = tender;
    this.#key = key;
    this.#voucher = voucher;
    this.#agreed = !voucher;
  }

  /** Whether it may still end either way. */
  get isOpen() {
    return ["running", "unknown", "ready"].includes(this.state);
  }

  /** Sells, or goes on where there was no answer. Returns the booking. */
  async run() {
    return this.#as(async () => {
      await this.#hold();
      if (!this.#agreed) {
        if (await this.#step("/voucher", "voucher", { voucher: this.#voucher })) this.state = "ready";
        return this.booking;
      }
      await this.#step("/payment", "payment", { payment: this.tender });
      this.state = "sold";
      return this.booking;
    });
  }

  /** The buyer agrees to what it costs with the voucher: sells. */
  agree() {
    this.#agreed = true;
    return this.run();
  }

  /** Returns whether the server did it; false if it was sold before. Refused, the hold ends: nobody is to wait for seats that nobody buys. */
  async #step(rest, name, body) {
    try {
      this.booking = (await this.#call("POST", this.#path(rest), { key: `${this.#key}.${name}`, body })).body;
      return true;
    } catch (error) {
      if (!isRefused(error)) throw error;
      await this.#cancel();
      if (this.state === "sold") return false;
      this.state = "refused";
      throw error;
    }
  }

  /** Ends a sale that had no answer: its seats go back on sale. If it was sold after all, it stays sold, and `state` says so. */
  async giveUp() {
    return this.#as(async () => {
      try {
        await this.#hold();
      } catch (error) {
        if (!isRefused(error)) throw error;
        // There never was a hold.
        this.state = "given_up";
        return undefined;
      }
      await this.#cancel();
      return this.booking;
    });
  }

  async #as(work) {
    this.state = "running";
    try {
      return await work();
    } catch (error) {
      if (this.state === "running") this.state = isRefused(error) ? "refused" : "unknown";
      throw error;
    }
  }

  /** The hold, whether it was made just now or by an earlier try. */
  async #hold() {
    // For staff only: a till that nobody is signed in to any more must not hold seats as a guest. And it is not the seller's own booking.
    const body = { ...this.order, channel: "till" };
    this.booking ??= (await this.#call("POST", `/v1/shows/${encodeURIComponent(this.#show)}/bookings`, { key: this.#key, body })).body;
  }

  async #cancel() {
    try {
      this.booking = (await this.#call("DELETE", this.#path(""), { key: `${this.#key}.cancel` })).body;
      this.state = "given_up";
    } catch (error) {
      if (!(error instanceof Problem) || !isRefused(error)) throw error;
      // It can't be cancelled, because it is not a hold any more.
      this.booking = (await this.#call("GET", this.#path(""))).body;
      this.state = this.booking.status === "confirmed" ? "sold" : "given_up";
    }
  }

  #path(rest) {
    return `/v1/bookings/${encodeURIComponent(this.booking.id)}${rest}`;
  }
}

/** What seats will cost, so that the till can say it before the sale: their prices and the show's fees. The server's amount counts. */
export function amountOf(fees, prices) {
  const { per_seat: perSeat = 0, per_booking: perBooking = 0 } = fees ?? {};
  return prices.reduce((sum, price) => sum + price + perSeat, perBooking);
}
