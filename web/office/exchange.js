// The exchange of a booking's seats for others of its show: chosen on the map, with what they cost more or less before it is confirmed.

import { announce, h, redraw } from "../dom.js";
import { fullMoney, money, placeNames, seatName, title } from "../words.js";
import { commandButton, outcomeBox, say, unread, wrong } from "./asking.js";
import { t } from "./exchange-messages.js";
import { difference, paidOf, typeFor } from "./exchange-price.js";
import { KeptSeats } from "./kept-seats.js";
import { t as office } from "./messages.js";
import { SeatBox } from "./seat-box.js";

/** Opens it over a booking. `done` gets what it says afterwards, and how much of what was paid the new seats cost less. */
export function openExchange({ call, booking, done }) {
  new Exchange(call, booking, done);
}

class Exchange {
  #call;
  #booking;
  #done;
  #show;
  #box;
  #kept;
  /** New seats, each with its price type if its area has several. */
  #takes = new Map();
  /** What was sent and is not decided, if so: perhaps by a dialog that was closed. */
  #sent;
  #outcome = outcomeBox();
  #price = h("p", { role: "status" });
  #chosen = h("div", { class: "stack" });
  #leaves;
  #dialog;

  constructor(call, booking, done) {
    this.#call = call;
    this.#booking = booking;
    this.#done = done;
    const { seats } = booking;
    const boxes = seats.map((seat) => h("label", { class: "check" }, h("input", { type: "checkbox", name: "leaves", value: seat.seat, checked: seats.length === 1, onchange: () => this.#draw() }), h("span", null, seatName(seat))));
    this.#leaves = h("fieldset", { class: "toolbar" }, h("legend", null, t("gives_up")), boxes);
    const heading = h("h2", { id: "exchange-title", tabindex: "-1" }, t("exchange"));
    this.#dialog = h(
      "dialog",
      { class: "dialog wide", "aria-labelledby": "exchange-title" },
      h("div", { class: "toolbar" }, heading, h("form", { method: "dialog" }, h("button", { class: "plain" }, office("close")))),
      this.#leaves,
      this.#outcome,
    );
    this.#dialog.addEventListener("close", () => {
      this.#box?.close();
      this.#dialog.remove();
    });
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    this.#load(heading);
  }

  async #load(heading) {
    try {
      this.#show = (await this.#call("GET", `/v1/shows/${encodeURIComponent(this.#booking.show)}`)).body;
    } catch (error) {
      return say(this.#outcome, unread(error));
    }
    if (!this.#dialog.open) return;
    heading.textContent = t("title", { show: this.#show.title });
    this.#kept = new KeptSeats(this.#call, this.#show.id);
    this.#box = new SeatBox({
      show: this.#show,
      hint: t("hint"),
      // Other prices: what was chosen may cost something else.
      again: () => this.#dialog.close(),
      pick: (seat) => this.#toggle(seat),
      loaded: () => this.#draw(),
      changed: (changes) => this.#changed(changes),
    });
    this.#dialog.append(
      h("section", { class: "seats", "aria-label": office("map") }, this.#box.parts),
      this.#chosen,
      this.#price,
      h("div", { class: "toolbar" }, this.#button()),
    );
    // The answer to its own press is below the map on a small screen: what went wrong is where the button is.
    this.#price.after(this.#outcome);
  }

  #button() {
    return commandButton({
      name: "exchange",
      text: t("confirm"),
      primary: true,
      outcome: this.#outcome,
      keep: `exchange ${this.#booking.id}`,
      may: () => this.#mistake(),
      means: () => t("means", this.#words(this.#priceText)),
      what: () => ({ body: this.#body, words: this.#words(this.#less > 0 ? t("done_less", this.#lessAmount) : t("done_same")), less: this.#less }),
      // Nothing that is chosen meanwhile counts.
      pending: (isPending, what) => this.#pending(isPending ? what : undefined),
      explain: (error) => wrong(error, this.#box.named),
      act: (key, { body }) => this.#call("POST", `/v1/bookings/${encodeURIComponent(this.#booking.id)}/exchange`, { key, body }),
      done: (_, { words, less }) => {
        this.#dialog.close();
        return this.#done({ text: t("done", words), less });
      },
    });
  }

  #pending(sent) {
    this.#sent = sent;
    this.#leaves.disabled = sent !== undefined;
    this.#draw();
  }

  // --- What is chosen ---------------------------------------------------------------------------------

  get #boxes() {
    return [.../** @type {NodeListOf<HTMLInputElement>} */ (this.#leaves.querySelectorAll("[name=leaves]"))];
  }

  /** The booking's seats that are given up. */
  get #given() {
    return this.#boxes.filter((box) => box.checked).map(({ value }) => this.#booking.seats.find(({ seat }) => seat === value));
  }

  get #more() {
    const prices = [...this.#takes].map(([seat, type]) => this.#box.priceOf(this.#areaOf(seat), type));
    return difference(this.#given, prices, this.#show.fees);
  }

  /** What of the difference was paid. */
  get #less() {
    return paidOf(-this.#more, this.#booking);
  }

  get #moreAmount() {
    return { amount: fullMoney(this.#more, this.#show.currency) };
  }

  get #lessAmount() {
    return { amount: fullMoney(this.#less, this.#show.currency) };
  }

  get #priceText() {
    if (this.#more > 0) return t("costs_more", this.#moreAmount);
    if (this.#more === 0) return t("same_price");
    return this.#less > 0 ? t("costs_less", this.#lessAmount) : t("nothing_back");
  }

  get #body() {
    const takes = [...this.#takes].map(([seat, type]) => (type === undefined ? seat : { seat, price_type: type }));
    return { leaves: this.#given.map(({ seat }) => seat), takes };
  }

  #words(price) {
    return { leaves: placeNames(this.#given).join(", "), takes: this.#takenNames, price };
  }

  get #takenNames() {
    return placeNames([...this.#takes.keys()].map(this.#box.named)).join(", ");
  }

  #nameOf(seat) {
    return this.#box.nameOf(seat);
  }

  #areaOf(seat) {
    return this.#box.inventory.seats.get(seat).area;
  }

  /** What keeps it from being sent. */
  #mistake() {
    const missing = this.#given.length - this.#takes.size;
    if (this.#given.length === 0) return t("choose_leaves");
    if (missing > 0) return t("choose_more", { count: missing });
    if (missing < 0) return t("choose_fewer", { count: -missing });
    return this.#more > 0 ? this.#priceText : undefined;
  }

  async #toggle(seat) {
    if (this.#leaves.disabled) return;
    if (!this.#takes.delete(seat)) {
      if (!(await this.#isFree(seat))) return say(this.#outcome, t("taken", { seat: this.#nameOf(seat) }));
      const wanted = this.#given[this.#takes.size]?.price_type;
      this.#takes.set(seat, typeFor(this.#box.typesOf(this.#areaOf(seat)), wanted));
    }
    say(this.#outcome, "");
    this.#draw();
    announce(`${this.#taken()} ${this.#price.textContent}`);
  }

  /** Free for all, or kept for the till. */
  async #isFree(seat) {
    const state = this.#box.inventory.state(seat);
    if (state !== "unavailable") return state === "available";
    return this.#kept.has(seat).catch(() => false);
  }

  #changed(changes) {
    if (this.#leaves.disabled) return;
    const lost = changes.filter(({ seat }) => seat.state !== "available" && this.#takes.delete(seat.seat));
    if (lost.length > 0) this.#draw();
  }

  // --- Drawing ----------------------------------------------------------------------------------------

  #taken() {
    return this.#takes.size > 0 ? t("takes", { seats: this.#takenNames }) : t("takes_none");
  }

  #draw() {
    if (!this.#box) return;
    if (this.#sent) return this.#drawSent(this.#sent);
    this.#box.map.mark([...this.#takes.keys()]);
    const lines = [...this.#takes].map(([seat, type]) => h("li", null, this.#nameOf(seat), " ", this.#prices(seat, type)));
    const isEmpty = this.#box.inventory.seats.size === 0;
    redraw(this.#chosen, h("p", null, isEmpty ? t("no_seats") : this.#taken()), h("ul", { class: "chosen" }, lines));
    const complete = this.#given.length > 0 && this.#given.length === this.#takes.size;
    this.#price.textContent = complete ? this.#priceText : this.#mistake();
  }

  /** Its booking may have the new seats by now, and the map no others as free: nothing is computed again. */
  #drawSent({ body, words }) {
    for (const box of this.#boxes) box.checked = body.leaves.includes(box.value);
    this.#box.map.mark(body.takes.map((place) => place.seat ?? place));
    redraw(this.#chosen, h("p", null, t("sent", words)));
    this.#price.textContent = "";
  }

  #prices(seat, type) {
    const area = this.#areaOf(seat);
    const price = (name) => money(this.#box.priceOf(area, name), this.#show.currency);
    const types = this.#box.typesOf(area);
    if (types.length < 2) return h("span", { class: "hint" }, price(type));
    const choose = (event) => (this.#takes.set(seat, event.target.value), this.#draw());
    return h("select", { "aria-label": `${this.#nameOf(seat)}: ${office("price")}`, "data-key": `type-${seat}`, onchange: choose }, types.map((name) => h("option", { value: name, selected: name === type }, `${title(name)} · ${price(name)}`)));
  }
}
