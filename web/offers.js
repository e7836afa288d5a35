// Seats without the map: the best ones side by side of a category, and places of areas whose seats
// have no labels. Where one is sold out, the next best is offered.

import { nextBest } from "./alternatives.js";
import { h, redraw } from "./dom.js";
import { Quantities } from "./quantities.js";
import { t } from "./shop-messages.js";
import { money, title } from "./words.js";

/** Phases of a booking that needs nothing more: a new hold may begin. */
const LEFT = ["confirmed", "over", "unknown"];

export class Offers {
  #place;
  #show;
  #inventory;
  #checkout;
  #sale;
  #quantities;
  /** Of each offer: what is drawn again when seats change, and the button. */
  #live = [];
  /** The category of the best seats. */
  #category;

  constructor(place, sale, inventory, checkout) {
    this.#place = place;
    this.#show = sale.show;
    this.#sale = sale;
    sale.addEventListener("changed", () => this.#lock());
    this.#inventory = inventory;
    this.#checkout = checkout;
    this.#quantities = new Quantities(() => checkout.most);
    inventory.addEventListener("loaded", () => this.#draw());
    inventory.addEventListener("changed", () => this.#count());
    checkout.addEventListener("changed", () => this.#lock());
    if (inventory.areas.size > 0) this.#draw();
  }

  #draw() {
    this.#live = [];
    const areas = [...this.#inventory.areas.values()];
    redraw(this.#place, this.#categories.length > 0 && this.#best(), ...areas.filter((area) => !area.labelled).map((area) => this.#area(area)));
    this.#count();
    this.#lock();
  }

  /** Categories with labelled seats, and how many of them are free: `{ category, price, types, free }`. */
  get #categories() {
    const labelled = this.#show.areas.filter(({ area }) => this.#inventory.areas.get(area)?.labelled);
    return this.#show.categories
      .map(({ category, price, price_types: types = [] }) => {
        const areas = labelled.filter((area) => area.category === category);
        const free = areas.reduce((sum, { area }) => sum + this.#inventory.freeIn(area), 0);
        return { category, price: price ?? types[0]?.price, types, free, seated: areas.length > 0 };
      })
      .filter(({ seated }) => seated);
  }

  // --- Best available ---------------------------------------------------------------------------

  #best() {
    const categories = this.#categories;
    this.#category = categories.find(({ category }) => category === this.#category)?.category ?? categories[0].category;
    const { types } = categories.find(({ category }) => category === this.#category);
    const choose = (category) => {
      this.#category = category;
      this.#draw();
    };
    const choices = categories.map(({ category, price, types: its }) =>
      h(
        "label",
        { class: "choice" },
        h("input", { type: "radio", name: "category", value: category, checked: category === this.#category, data: { key: `category ${category}` }, onchange: () => choose(category) }),
        h("span", null, title(category), " ", h("b", null, priceOf(price, its))),
      ),
    );
    const chosen = () => this.#categories.find(({ category }) => category === this.#category);
    return this.#offer({
      name: "best",
      types,
      label: (what) => t(`${what}_side_by_side`),
      texts: ["hold_best", "none_left"],
      free: () => chosen().free,
      price: () => chosen().price,
      title: () => title(this.#category),
      request: (order) => ({ best_available: { ...order, category: this.#category } }),
      head: [h("h2", null, t("best")), h("p", { class: "hint" }, t("best_hint")), h("div", { class: "choices" }, choices)],
    });
  }

  // --- Areas without labels -----------------------------------------------------------------------

  #area({ area, capacity, price, price_types: types = [] }) {
    const bar = h("i");
    const left = h("p", { class: "hint" });
    return this.#offer({
      name: area,
      types,
      label: (what) => t(what === "number" ? "number_of_places" : `${what}_places`, { area: title(area) }),
      texts: ["hold_places", "none_left"],
      free: () => this.#inventory.freeIn(area),
      price: () => price,
      title: () => title(area),
      request: (order) => ({ area, ...order }),
      head: [h("div", { class: "head" }, h("h2", null, title(area)), h("p", null, priceOf(price, types))), h("div", { class: "bar" }, bar), left],
      count: (available) => {
        bar.style.width = `${capacity > 0 ? (available / capacity) * 100 : 0}%`;
        left.textContent = t("places_left", { available, capacity });
      },
    });
  }

  // --- Parts --------------------------------------------------------------------------------------

  #offer({ name, types, label, texts: [some, none], free, price, title: named, request, head, count = (/** @type {number} */ _) => undefined }) {
    const isBest = name === "best";
    const order = h("button", { data: { key: isBest ? "best" : `area ${name}`, act: isBest ? "best" : "area" } });
    const next = h("p", { class: "next hint", hidden: true });
    const show = () => {
      const available = free();
      count(available);
      const text = t(available > 0 ? some : none);
      // Written again, it would be laid out again, each time that a seat changes.
      if (order.textContent !== text) order.textContent = text;
      const best = available === 0 && nextBest(price(), this.#others(name));
      const key = best ? `${named()} ${best.name}` : "";
      if (next.dataset.shown === key) return;
      next.dataset.shown = key;
      next.hidden = !best;
      const offered = best && [t("none_of", { category: named() }), " ", h("button", { type: "button", class: "quiet", data: { key: `next ${name}` }, onclick: best.go }, t("next_best", { category: title(best.name), price: money(best.price) }))];
      redraw(next, ...(offered || []));
    };
    this.#live.push({ show, enough: () => this.#quantities.of(name, types).quantity > 0, order });
    return h(
      "form",
      {
        class: isBest ? "offer best" : "offer",
        data: isBest ? {} : { area: name },
        onsubmit: (event) => {
          event.preventDefault();
          this.#hold(request(this.#quantities.of(name, types)));
        },
      },
      head,
      next,
      h("div", { class: "order" }, this.#quantities.controls(name, types, label, () => this.#lock()), order),
    );
  }

  /** What could be taken in place of an offer: `{ name, price, free, go }`. */
  #others(name) {
    const categories = this.#categories.map(({ category, price, free }) => ({
      name: category,
      price,
      free: name === "best" && category === this.#category ? 0 : free,
      go: () => {
        this.#category = category;
        this.#draw();
        this.#place.querySelector("[data-act=best]").focus();
      },
    }));
    const areas = [...this.#inventory.areas.values()].filter((area) => !area.labelled && area.area !== name);
    const unlabelled = areas.map(({ area, price }) => ({
      name: area,
      price,
      free: this.#inventory.freeIn(area),
      go: () => this.#place.querySelector(`[data-area="${CSS.escape(area)}"] [data-act]`).focus(),
    }));
    return [...categories, ...unlabelled];
  }

  #count() {
    for (const { show } of this.#live) show();
  }

  #hold(selection) {
    const { phase } = this.#checkout;
    if (LEFT.includes(phase)) this.#checkout.again();
    this.#checkout.hold(selection);
  }

  /** One booking at a time, of at least one seat. */
  #lock() {
    const open = this.#sale.onSale && ["picking", ...LEFT].includes(this.#checkout.phase);
    for (const { order, enough } of this.#live) order.disabled = !open || !enough();
  }
}

const priceOf = (price, types) => (types.length > 1 ? t("from_price", { price: money(Math.min(...types.map((type) => type.price))) }) : money(price));
