// Seats without the map: the best ones side by side of a category, and places of areas whose seats
// have no labels.

import { h, redraw } from "./dom.js";
import { t } from "./shop-messages.js";
import { money, number, title } from "./words.js";

/** Phases of a booking that needs nothing more: a new hold may begin. */
const LEFT = ["confirmed", "over", "unknown"];

export class Offers {
  #place;
  #show;
  #inventory;
  #checkout;
  #sale;
  #quantities = new Map();
  #live = new Map();
  #bestButton;

  constructor(place, sale, inventory, checkout) {
    this.#place = place;
    this.#show = sale.show;
    this.#sale = sale;
    sale.addEventListener("changed", () => this.#lock());
    this.#inventory = inventory;
    this.#checkout = checkout;
    inventory.addEventListener("loaded", () => this.#draw());
    inventory.addEventListener("changed", () => this.#count());
    checkout.addEventListener("changed", () => this.#lock());
    if (inventory.areas.size > 0) this.#draw();
  }

  #draw() {
    this.#live.clear();
    const areas = [...this.#inventory.areas.values()];
    const labelled = areas.some((area) => area.labelled);
    redraw(this.#place, labelled && this.#best(), ...areas.filter((area) => !area.labelled).map((area) => this.#area(area)));
    this.#count();
    this.#lock();
  }

  // --- Best available ---------------------------------------------------------------------------

  #best() {
    const labelled = new Set(this.#show.areas.filter((area) => this.#inventory.areas.get(area.area)?.labelled).map((area) => area.category));
    const categories = this.#show.categories.filter(({ category }) => labelled.has(category));
    const choices = categories.map(({ category, price }, index) =>
      h(
        "label",
        { class: "choice" },
        h("input", { type: "radio", name: "category", value: category, checked: index === 0, data: { key: `category ${category}` } }),
        h("span", null, title(category), " ", h("b", null, money(price))),
      ),
    );
    this.#bestButton = h("button", { data: { key: "best", act: "best" } }, t("hold_best"));
    return h(
      "form",
      {
        class: "offer best",
        onsubmit: (event) => {
          event.preventDefault();
          const category = new FormData(event.target).get("category");
          this.#hold({ best_available: { quantity: this.#quantity("best"), category } });
        },
      },
      h("h2", null, t("best")),
      h("p", { class: "hint" }, t("best_hint")),
      h("div", { class: "choices" }, choices),
      h("div", { class: "order" }, this.#stepper("best", (what) => t(`${what}_side_by_side`)), this.#bestButton),
    );
  }

  // --- Areas without labels -----------------------------------------------------------------------

  #area({ area, capacity, price }) {
    const bar = h("i");
    const left = h("p", { class: "hint" });
    const order = h("button", { data: { key: `area ${area}`, act: "area" } }, t("hold_places"));
    this.#live.set(area, { bar, left, order, capacity });
    return h(
      "form",
      {
        class: "offer",
        data: { area },
        onsubmit: (event) => {
          event.preventDefault();
          this.#hold({ area, quantity: this.#quantity(area) });
        },
      },
      h("div", { class: "head" }, h("h2", null, title(area)), h("p", null, money(price))),
      h("div", { class: "bar" }, bar),
      left,
      h("div", { class: "order" }, this.#stepper(area, (what) => t(what === "number" ? "number_of_places" : `${what}_places`, { area: title(area) })), order),
    );
  }

  #count() {
    for (const [area, { bar, left, order, capacity }] of this.#live) {
      const { available } = this.#inventory.areas.get(area);
      bar.style.width = `${capacity > 0 ? (available / capacity) * 100 : 0}%`;
      left.textContent = t("places_left", { available, capacity });
      order.textContent = t(available > 0 ? "hold_places" : "none_left");
    }
    if (this.#bestButton) this.#bestButton.textContent = t(this.#inventory.counts.available > 0 ? "hold_best" : "none_left");
  }

  // --- Parts --------------------------------------------------------------------------------------

  #quantity(name) {
    return this.#quantities.get(name) ?? 2;
  }

  /** `label` names the number, and the buttons for `fewer` and `more`. */
  #stepper(name, label) {
    const shown = h("output", { "aria-live": "polite", "aria-label": label("number") });
    const show = () => (shown.textContent = this.#quantity(name));
    const step = (by) => () => {
      this.#quantities.set(name, Math.min(Math.max(this.#quantity(name) + by, 1), this.#checkout.most));
      show();
    };
    this.#quantities.set(name, Math.min(this.#quantity(name), this.#checkout.most));
    show();
    return h(
      "div",
      { class: "stepper" },
      h("button", { type: "button", "aria-label": label("fewer"), data: { key: `fewer ${name}` }, onclick: step(-1) }, "−"),
      shown,
      h("button", { type: "button", "aria-label": label("more"), data: { key: `more ${name}` }, onclick: step(1) }, "+"),
    );
  }

  #hold(selection) {
    const { phase } = this.#checkout;
    if (LEFT.includes(phase)) this.#checkout.again();
    this.#checkout.hold(selection);
  }

  /** One booking at a time. */
  #lock() {
    const open = this.#sale.onSale && ["picking", ...LEFT].includes(this.#checkout.phase);
    for (const button of this.#place.querySelectorAll("[data-act]")) button.disabled = !open;
  }
}
