// Paying for the booking of a checkout: by card, at the buyer's bank, or in the gateway's own form. What the booking is at, the server
// says; the checkout knows, and this asks for the next step.

import { FormConfirmation } from "./form-confirmation.js";

export class Payment {
  #checkout;
  #hasForm;
  #requests;
  #steps;
  #form = new FormConfirmation();

  /**
   * `checkout` has the `booking`, its `phase`, and whether it is `busy`. `hasForm` says whether payments go through the gateway's own
   * form. Of its `steps`, `command` does something under one key, `post` sends it to the booking and takes over the answer, and `become`
   * shows a phase and a note.
   */
  constructor(checkout, hasForm, requests, steps) {
    this.#checkout = checkout;
    this.#hasForm = hasForm;
    this.#requests = requests;
    this.#steps = steps;
  }

  /** Pays by card; without one, goes on after the bank has asked. */
  async pay(method) {
    await this.#pay(method ? { payment_method: method } : {});
  }

  /** Begins, or continues, a payment in the gateway's own form. */
  async openForm() {
    await this.#pay(this.#checkout.phase === "action" ? {} : { confirm: "client" });
  }

  /** Says whether the server has answered. */
  async #pay(body) {
    if (this.#checkout.busy) return false;
    this.#checkout.phase = "paying";
    return this.#steps.command({ command: "pay", body: JSON.stringify(body) }, (key) => this.#steps.post("/payment", { body, key }));
  }

  // --- In the gateway's form ----------------------------------------------------------------------

  /** Whether the payment goes on in the gateway's form, and not on a page of the bank. */
  get inForm() {
    return this.#hasForm && this.#checkout.phase === "action" && !this.#checkout.booking.next_action?.url;
  }

  /** What the form confirms; `undefined` while the server has not said. */
  get secret() {
    return this.inForm || this.#checkout.phase === "paying" ? this.#form.secret : undefined;
  }

  /** Whether this page has the form, and what that needs. */
  get form() {
    return { hasForm: this.#hasForm, secret: this.#form.secret };
  }

  /** Whether the visitor and the gateway are busy with the form. */
  get confirming() {
    return this.#form.isFor(this.#checkout.booking);
  }

  /** Confirms in the gateway's form: `run` does, and returns what `PaymentForm.confirm` returns. */
  async confirm(run) {
    if (this.#checkout.busy || this.confirming || !this.inForm) return;
    await this.#form.confirm(this.#checkout, run, () => this.#pay({}), this.#steps.become);
  }

  /** Goes on with a payment that was begun before a reload, or in another tab: the server has its secret, or knows how it ended. */
  async goOn() {
    if (!this.inForm || this.#form.secret || this.#form.asked || this.#checkout.busy) return;
    this.#form.asked = true;
    await this.pay();
  }

  /** What the server says of the booking: the form's secret is kept as long as it is of use. */
  heard({ status, next_action: next }) {
    if (status === "action_required") this.#form.secret = next?.client_secret ?? this.#form.secret;
    else if (status !== "paying") this.forget();
  }

  /** Another booking, or none. */
  forget() {
    this.#form.forget();
  }

  // --- At the bank --------------------------------------------------------------------------------

  /**
   * The page where the bank asks: an encrypted one, or one that is no less safe than this page, as a sandbox's in development. Anything
   * else is not opened.
   */
  get bankUrl() {
    const given = this.#checkout.booking?.next_action?.url;
    if (!given || !URL.canParse(given, location.href)) return undefined;
    const url = new URL(given, location.href);
    return url.protocol === "https:" || (url.protocol === "http:" && location.protocol === "http:") ? url.href : undefined;
  }

  /** The sandbox's payment intent; nothing if the bank is a real one, with a page of its own. */
  get intent() {
    const page = this.bankUrl;
    if (!page) return undefined;
    const { origin, pathname } = new URL(page);
    return origin === location.origin || pathname.includes("/sandbox/") ? decodeURIComponent(pathname.split("/").at(-1)) : undefined;
  }

  /** Where the bank's page leads back to. It has no token: this browser keeps it. */
  get returnUrl() {
    return `${location.origin}/?booking=${encodeURIComponent(this.#checkout.booking.id)}`;
  }

  /** Sends the visitor's answer to the sandbox's question, then continues the payment. */
  async answerBank(outcome) {
    if (this.#checkout.busy) return;
    const path = `/v1/sandbox/intents/${encodeURIComponent(this.intent)}/authenticate`;
    this.#checkout.phase = "paying";
    const done = await this.#steps.command({ command: "answer", body: outcome }, (key) => this.#requests.send("POST", path, { body: { outcome }, key }));
    if (done) await this.pay();
  }
}
