// The legend, which is also the count of seats in each state, and the ticker of changes per second.

import { h, redraw, s } from "./dom.js";
import { STATES } from "./inventory.js";
import { perLanguage } from "./language.js";
import { t } from "./map-messages.js";
import { outline } from "./shapes.js";
import { number } from "./words.js";

const SECONDS = 40;
const tenths = perLanguage((locale) => new Intl.NumberFormat(locale, { minimumFractionDigits: 1, maximumFractionDigits: 1 }));

export class Pulse {
  #inventory;
  #counts = new Map();
  #rates = Array(SECONDS).fill(0);
  #bars;
  #rate;
  #seen = 0;

  constructor(legend, ticker, inventory) {
    this.#inventory = inventory;
    const states = [...STATES, "mine"].map((state) => {
      const count = h("strong", { data: { count: state } }, "0");
      this.#counts.set(state, count);
      return h("li", null, h("span", { class: "sign" }, sign(state)), h("span", { class: "name" }, signName(state)), count);
    });
    this.#bars = Array.from({ length: SECONDS }, (_, index) => s("rect", { x: index * 3, width: 2, y: 23, height: 1 }));
    this.#rate = h("strong", null, "0");
    const chart = s("svg", { viewBox: `0 0 ${SECONDS * 3} 24`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.#bars);
    redraw(legend, states);
    redraw(ticker, chart, h("p", null, this.#rate, ` ${t("changes")}`));
    inventory.addEventListener("loaded", () => this.count());
    inventory.addEventListener("changed", () => this.count());
    setInterval(() => this.#second(), 1_000);
  }

  count(mine) {
    for (const state of STATES) this.#counts.get(state).textContent = number(this.#inventory.counts[state]);
    if (mine !== undefined) this.#counts.get("mine").textContent = number(mine);
  }

  #second() {
    const { changes } = this.#inventory;
    this.#rates = [...this.#rates.slice(1), changes - this.#seen];
    this.#seen = changes;
    const most = Math.max(8, ...this.#rates);
    this.#rates.forEach((rate, index) => {
      // Few changes must stay visible next to many.
      const height = Math.max(1, 24 * Math.sqrt(rate / most));
      this.#bars[index].setAttribute("y", 24 - height);
      this.#bars[index].setAttribute("height", height);
    });
    // The mean of three seconds: a faster number can't be read.
    const recent = this.#rates.slice(-3);
    const mean = recent.reduce((sum, rate) => sum + rate, 0) / recent.length;
    this.#rate.textContent = mean > 0 && mean < 10 ? tenths().format(mean) : number(Math.round(mean));
  }
}

/** What the sign of a state means, as the legend has it. */
export const signName = (state) => t(`sign_${state}`);

/** A seat as the map draws it in this state. */
export function sign(state) {
  const path = s("path", { class: state === "mine" ? "seat mine" : "seat", data: { state }, d: outline(state, { x: 0, y: 0, turn: 0 }) });
  return s("svg", { viewBox: "-9 -9 18 18", class: "tone-0", "aria-hidden": "true" }, path);
}
