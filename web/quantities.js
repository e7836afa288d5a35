// How many seats of an offer, with a number for each price type where it has several.

import { h } from "./dom.js";
import { t } from "./shop-messages.js";
import { money, title } from "./words.js";

export class Quantities {
  #most;
  #numbers = new Map();

  /** `most` returns how many seats one booking may have. */
  constructor(most) {
    this.#most = most;
  }

  /** What a hold asks for: `{ quantity }`, with `price_types` where the offer has them. */
  of(offer, types = []) {
    if (types.length === 0) return { quantity: this.#number(offer, 0) };
    const entries = types.map(({ price_type: type }, index) => [type, this.#number(`${offer} ${type}`, index)]).filter(([, count]) => count > 0);
    return { quantity: entries.reduce((sum, [, count]) => sum + count, 0), price_types: Object.fromEntries(entries) };
  }

  /** The controls of an offer. `label(what)` names them: its `number`, and the buttons for `fewer` and `more`. `changed` is called after each change. */
  controls(offer, types, label, changed) {
    if (types.length === 0) return [this.#stepper(offer, 0, label, 1, () => 0, changed)];
    const others = (key) => types.reduce((sum, { price_type: type }, index) => (`${offer} ${type}` === key ? sum : sum + this.#number(`${offer} ${type}`, index)), 0);
    const lines = types.map(({ price_type: type, price }, index) => {
      const key = `${offer} ${type}`;
      const named = (what) => t("typed", { type: title(type), what: label(what) });
      return h("li", null, h("span", null, title(type), " ", h("b", null, money(price))), this.#stepper(key, index, named, 0, () => others(key), changed));
    });
    return [h("ul", { class: "typed" }, lines)];
  }

  /** Two to begin with, of the first type. */
  #number(key, index) {
    return Math.min(this.#numbers.get(key) ?? (index === 0 ? 2 : 0), this.#most());
  }

  #stepper(key, index, label, least, others, changed) {
    const shown = h("output", { "aria-live": "polite", "aria-label": label("number") });
    const show = () => (shown.textContent = String(this.#number(key, index)));
    const step = (by) => () => {
      this.#numbers.set(key, Math.min(Math.max(this.#number(key, index) + by, least), this.#most() - others()));
      show();
      changed();
    };
    show();
    return h(
      "div",
      { class: "stepper" },
      h("button", { type: "button", "aria-label": label("fewer"), data: { key: `fewer ${key}` }, onclick: step(-1) }, "−"),
      shown,
      h("button", { type: "button", "aria-label": label("more"), data: { key: `more ${key}` }, onclick: step(1) }, "+"),
    );
  }
}
