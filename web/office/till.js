// The till: what was chosen and what it costs, and the sale, which stays in view until it is decided.

import { newKey } from "../api.js";
import { announce, h, redraw } from "../dom.js";
import { fullMoney, money, placeNames, title } from "../words.js";
import { ask, reveal, say, unread, wrong } from "./asking.js";
import { KeptSeats } from "./kept-seats.js";
import { t } from "./messages.js";
import { amountOf, Sale } from "./sale.js";
import { SaleDetails, withVoucher } from "./till-details.js";

const TENDERS = ["cash", "invoice", "complimentary"];

/** The last sale of each show that may not be decided: who looks at something else meanwhile finds it again. */
const open = new Map();

window.addEventListener("beforeunload", (event) => {
  if ([...open.values()].some(({ sale }) => sale.isOpen)) event.preventDefault();
});

export class Till {
  element = h("div", { class: "panel till", hidden: true });

  #show;
  #call;
  #box;
  #kept;
  #outcome;
  #go;
  /** Seats, each with its price type if its category has several. */
  #chosen = new Map();
  /** Of an area without labels: how many. */
  #places = { area: "", quantity: 0 };
  /** Stays as it is from sale to sale, and while seats come and go. */
  #tender = TENDERS[0];
  #details;

  /** `box` is the map from which is chosen. */
  constructor({ show, call, box, outcome, go }) {
    this.#show = show;
    this.#call = call;
    this.#box = box;
    this.#details = new SaleDetails(() => this.draw());
    this.#kept = new KeptSeats(call, show.id);
    this.#outcome = outcome;
    this.#go = go;
  }

  get #open() {
    const entry = open.get(this.#show.id);
    return entry?.sale.isOpen ? entry : undefined;
  }

  /** Chooses a seat, or chooses it no more. */
  async toggle(seat) {
    if (this.#open) return;
    if (!this.#chosen.delete(seat)) {
      if (!(await this.#isForSale(seat)) || this.#open) return;
      this.#chosen.set(seat, this.#box.typesOf(this.#areaOf(seat))[0]);
    }
    this.draw();
    if (this.#chosen.size > 0) announce(t("chosen", { count: this.#chosen.size, seats: [...this.#chosen.keys()].map((seat) => this.#box.nameOf(seat)).join(", ") }));
  }

  async #isForSale(seat) {
    const state = this.#box.inventory.state(seat);
    if (state !== "unavailable") return state === "available";
    try {
      const isKept = await this.#kept.has(seat);
      if (!isKept) say(this.#outcome, t("not_for_till", { seat: this.#box.nameOf(seat) }));
      return isKept;
    } catch (error) {
      say(this.#outcome, unread(error));
      return false;
    }
  }

  /** Something was sold or is free again; these seats are not free any more. */
  changed(taken) {
    if (this.#open) return;
    const lost = taken.filter((seat) => this.#chosen.delete(seat));
    // Numbers of places that are left: not while somebody types how many they want.
    const countsPlaces = this.#chosen.size === 0 && !this.element.contains(document.activeElement);
    if (lost.length > 0 || countsPlaces) this.draw();
  }

  /** Draws it: the open sale, or what is chosen. */
  draw() {
    const entry = this.#open;
    const areas = [...this.#box.inventory.areas.values()].filter(({ labelled }) => !labelled);
    this.#box.map.mark(entry ? (entry.seats ?? []) : [...this.#chosen.keys()]);
    this.element.hidden = !entry && this.#chosen.size === 0 && areas.length === 0;
    if (this.element.hidden) return;
    redraw(this.element, ...(entry ? this.#drawOpen(entry) : this.#chosen.size > 0 ? this.#drawChosen() : this.#drawPlaces(areas)));
  }

  // --- What is chosen ---------------------------------------------------------------------------------

  #areaOf(seat) {
    return this.#box.inventory.seats.get(seat).area;
  }

  #namesOf(seats) {
    return placeNames(seats.map(this.#box.named)).join(", ");
  }

  #drawChosen() {
    const lines = [...this.#chosen].map(([seat, type]) => {
      const area = this.#areaOf(seat);
      const types = this.#box.typesOf(area);
      const choice =
        types.length > 1 &&
        h("select", { "aria-label": `${this.#box.nameOf(seat)}: ${t("price")}`, "data-key": `type-${seat}`, onchange: (event) => (this.#chosen.set(seat, event.target.value), this.draw()) }, this.#typeOptions(area, type));
      return h("li", null, this.#box.nameOf(seat), " ", choice || h("span", { class: "hint" }, money(this.#box.priceOf(area, type), this.#show.currency)));
    });
    const count = this.#chosen.size;
    const seats = [...this.#chosen].map(([seat, type]) => (type === undefined ? seat : { seat, price_type: type }));
    const prices = [...this.#chosen].map(([seat, type]) => this.#box.priceOf(this.#areaOf(seat), type));
    return [
      h("p", null, t("chosen", { count, seats: this.#namesOf([...this.#chosen.keys()]) })),
      h("ul", { class: "chosen" }, lines),
      ...this.#sellBar(count, prices, () => ({ order: { seats }, seats: [...this.#chosen.keys()] })),
    ];
  }

  #typeOptions(area, chosen) {
    return this.#box.inventory.areas.get(area).price_types.map(({ price_type: name, price }) => h("option", { value: name, selected: name === chosen }, `${title(name)} · ${money(price, this.#show.currency)}`));
  }

  #drawPlaces(areas) {
    const place = this.#places;
    const area = areas.find((known) => known.area === place.area) ?? areas[0];
    const known = this.#box.typesOf(area.area);
    const type = known.includes(place.type) ? place.type : known[0];
    const quantity = h("input", { type: "number", name: "quantity", "data-key": "quantity", min: "1", max: String(this.#show.max_seats_per_booking), value: String(place.quantity || 1), oninput: (event) => (place.quantity = Number(event.target.value)), onchange: () => this.draw() });
    const choose = h("select", { name: "places", "data-key": "places", onchange: (event) => (Object.assign(place, { area: event.target.value, type: undefined }), this.draw()) }, areas.map(({ area: id, available }) => h("option", { value: id, selected: id === area.area }, `${title(id)} · ${t("places_left", { count: available })}`)));
    const count = Math.max(1, Math.trunc(place.quantity) || 1);
    const types = known.length > 1 && h("label", { class: "field" }, t("price"), h("select", { name: "price_type", "data-key": "price_type", onchange: (event) => ((place.type = event.target.value), this.draw()) }, this.#typeOptions(area.area, type)));
    const order = () => ({ area: area.area, quantity: count, ...(type === undefined ? {} : { price_types: { [type]: count } }) });
    return [
      h("div", { class: "toolbar" }, h("label", { class: "field" }, t("area"), choose), h("label", { class: "field" }, t("places"), quantity), types),
      ...this.#sellBar(count, Array.from({ length: count }, () => this.#box.priceOf(area.area, type)), () => ({ order: order() })),
    ];
  }

  /** How it is paid, what it costs, and the button. */
  #sellBar(count, prices, what) {
    const tender = h("select", { name: "tender", "data-key": "tender", onchange: (event) => ((this.#tender = event.target.value), this.draw()) }, TENDERS.map((name) => h("option", { value: name, selected: name === this.#tender }, t(name))));
    const sell = () => {
      const { order, seats } = what();
      const { voucher, order: more } = this.#details;
      const sale = new Sale({ call: this.#call, show: this.#show.id, order: { ...order, ...more }, tender: this.#tender, key: newKey(), voucher });
      open.set(this.#show.id, { sale, seats, count });
      this.#run((it) => it.run());
    };
    const { voucher } = this.#details;
    const bar = h(
      "div",
      { class: "toolbar" },
      h("label", { class: "field" }, t("tender"), tender),
      h("p", { class: "total" }, this.#tender === "complimentary" ? t("costs_nothing") : t("total", { amount: fullMoney(amountOf(this.#show.fees, prices), this.#show.currency) })),
      h("button", { type: "button", class: "primary", "data-act": "sell", "data-key": "sell", onclick: sell }, t(voucher ? "sell_with_voucher" : "sell", { count })),
      this.#chosen.size > 0 && h("button", { type: "button", class: "plain", "data-key": "clear", onclick: () => (this.#chosen.clear(), this.draw()) }, t("clear")),
    );
    return [this.#details.element, bar];
  }

  // --- The sale ---------------------------------------------------------------------------------------

  #drawOpen({ sale, seats, count }) {
    const running = sale.state === "running";
    const what = seats ? this.#namesOf(seats) : title(sale.order.area);
    const giveUp = () => ask(t("give_up"), t("give_up_means"), () => this.#run((it) => it.giveUp()));
    const ready = sale.state === "ready";
    const values = { count, seats: what, tender: t(sale.tender) };
    const says = ready ? withVoucher(sale.booking, what, sale.tender) : t(running ? "selling" : "sale_unknown", values);
    const next = ready ? () => this.#run((it) => it.agree()) : () => this.#run((it) => it.run());
    return [
      h("p", { role: ready ? "status" : undefined }, says),
      h(
        "div",
        { class: "toolbar" },
        h("button", { type: "button", class: "primary", "data-act": ready ? "agree" : "sell_again", "data-key": "go_on", disabled: running, onclick: next }, t(ready ? "sell" : "sell_again", { count })),
        h("button", { type: "button", "data-act": "give_up", disabled: running, onclick: giveUp }, t("give_up")),
      ),
    ];
  }

  async #run(step) {
    const { sale, seats, count } = open.get(this.#show.id);
    say(this.#outcome, "");
    const steps = step(sale);
    this.draw();
    let problem;
    try {
      await steps;
    } catch (error) {
      problem = sale.isOpen ? (error.status === 401 ? unread(error) : t("sale_no_answer")) : wrong(error, this.#box.named);
    }
    if (sale.state === "sold") this.#sold(sale, count);
    else if (problem) say(this.#outcome, problem);
    else if (sale.state === "ready") announce(withVoucher(sale.booking, seats ? this.#namesOf(seats) : title(sale.order.area), sale.tender));
    else say(this.#outcome, t("given_up"), true);
    this.draw();
    if (problem) reveal(this.#outcome);
    // The button that sold is gone.
    if (sale.state === "ready") /** @type {HTMLElement} */ (this.element.querySelector("[data-key=go_on]")).focus();
    else if (document.activeElement === document.body) /** @type {HTMLElement | null} */ (this.#outcome.querySelector("button"))?.focus({ preventScroll: true });
  }

  #sold({ booking, tender }, count) {
    this.#chosen.clear();
    this.#details.clear();
    this.#places.quantity = 0;
    const amount = fullMoney(booking.amount.value, booking.amount.currency);
    say(this.#outcome, t(tender === "complimentary" ? "given_away" : "sold_at_till", { count, amount }), true);
    this.#outcome.append(" ", h("button", { type: "button", class: "plain", "data-act": "open", onclick: () => this.#go({ tab: "bookings", booking: booking.id }) }, t("open_booking")));
  }
}
