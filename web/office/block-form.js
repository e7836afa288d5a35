// The form that blocks what is chosen: under which name, and who may buy it.

import { focusHeading, h, redraw } from "../dom.js";
import { placeNames, title } from "../words.js";
import { commandButton, outcomeBox, say, wrong } from "./asking.js";
import { t } from "./block-messages.js";

const MOST_NAMED = 12;
/** What the server lets one block have. */
const MOST_SEATS = 5_000;
const CODE = /^[!-~]{8,128}$/;

export class BlockForm {
  element;
  #box;
  #chosen;
  #clear;
  #what = h("div", { class: "stack" });
  #access = h("div", { class: "toolbar", hidden: true });
  #form;
  /** Whether what was sent had no answer: nothing in the form counts meanwhile. */
  #pending = false;
  #places = { area: "", quantity: "" };

  /**
   * @param {{ call: any, path: string, show: any, box: import("./seat-box.js").SeatBox, chosen: () => string[], clear: () => void,
   *   opened: () => Promise<unknown> }} options
   */
  constructor({ call, path, show, box, chosen, clear, opened }) {
    this.#box = box;
    this.#chosen = chosen;
    this.#clear = clear;
    const outcome = outcomeBox();
    const field = (name, props = {}) => h("label", { class: "field" }, t(name), h("input", { name, autocomplete: "off", spellcheck: "false", ...props }));
    const choice = h("select", { name: "sold_to", onchange: () => (this.#access.hidden = choice.value !== "code") }, ["nobody", "till", "code"].map((name) => h("option", { value: name }, t(`to_${name}`))));
    this.#access.append(field("access_code", { maxlength: "128" }), field("channel", { maxlength: "40" }));
    this.#form = h(
      "fieldset",
      { class: "stack" },
      h("div", { class: "toolbar" }, field("reason", { maxlength: "200", "data-key": "reason" }), h("label", { class: "field" }, t("sold_to"), choice)),
      this.#access,
      h("label", { class: "check" }, h("input", { type: "checkbox", name: "partial" }), t("partial")),
    );
    this.element = h("section", { class: "panel" }, h("h2", null, t("new")), this.#what, this.#form, outcome);
    const button = commandButton({
      name: "block",
      text: t("block"),
      primary: true,
      outcome,
      keep: `block ${show.id}`,
      may: () => this.#mistake(),
      what: () => this.#body(),
      pending: (isPending) => {
        this.#pending = isPending;
        this.#form.disabled = isPending;
      },
      act: async (key, body) => (await call("POST", path, { key, body })).body,
      explain: (error) => wrong(error, box.named),
      done: async ({ reason, quantity, not_blocked: others = [] }) => {
        this.#value("reason").value = "";
        this.#places.quantity = "";
        await opened();
        const names = placeNames(others.map(({ seat }) => box.named(seat))).join(", ");
        say(outcome, t(others.length > 0 ? "blocked_without" : "blocked", { count: quantity, reason, others: names }), true);
      },
    });
    this.element.append(h("div", null, button));
    this.draw();
  }

  get isPending() {
    return this.#pending;
  }

  #value(name) {
    return /** @type {HTMLInputElement} */ (this.#form.querySelector(`[name=${name}]`));
  }

  get #areas() {
    return [...this.#box.inventory.areas.values()].filter(({ labelled }) => !labelled);
  }

  /** What is chosen; where nothing is, the areas without labels. */
  draw() {
    const seats = this.#chosen();
    if (seats.length > 0) {
      const names = t(seats.length > MOST_NAMED ? "chosen_many" : "chosen", { count: seats.length, seats: placeNames(seats.map(this.#box.named)).join(", ") });
      return redraw(this.#what, h("p", { role: "status" }, names), h("div", null, h("button", { type: "button", class: "plain", "data-key": "clear", "data-act": "clear", onclick: () => this.#clearAll() }, t("clear"))));
    }
    const places = this.#places;
    const areas = this.#areas;
    // Not while somebody types into it.
    if (this.#what.contains(document.activeElement) && this.#what.querySelector("select")) return undefined;
    places.area ||= areas[0]?.area ?? "";
    return redraw(
      this.#what,
      h("p", { class: "hint" }, t("nothing_chosen")),
      areas.length > 0 &&
        h(
          "div",
          { class: "toolbar" },
          h("label", { class: "field" }, t("area"), h("select", { name: "block_area", onchange: (event) => (places.area = event.target.value) }, areas.map(({ area }) => h("option", { value: area, selected: area === places.area }, title(area))))),
          h("label", { class: "field" }, t("quantity"), h("input", { type: "number", name: "block_quantity", min: "1", max: String(MOST_SEATS), value: places.quantity, oninput: (event) => (places.quantity = event.target.value) })),
        ),
    );
  }

  #clearAll() {
    this.#clear();
    // The button is gone.
    focusHeading(this.element);
  }

  /** What keeps it from being sent. */
  #mistake() {
    const hasPlaces = this.#areas.length > 0 && Number(this.#places.quantity) > 0;
    if (this.#chosen().length === 0 && !hasPlaces) return t(this.#areas.length > 0 ? "choose_places" : "choose_first");
    if (this.#chosen().length > MOST_SEATS) return t("too_many", { most: MOST_SEATS });
    if (!this.#value("reason").value.trim()) return t("reason_missing");
    return this.#access.hidden || CODE.test(this.#value("access_code").value.trim()) ? undefined : t("code_missing");
  }

  #body() {
    const seats = this.#chosen();
    const [to, channel] = [this.#value("sold_to").value, this.#value("channel").value.trim()];
    return {
      ...(seats.length > 0 ? { seats } : { area: this.#places.area, quantity: Math.trunc(Number(this.#places.quantity)) }),
      reason: this.#value("reason").value.trim(),
      partial: this.#value("partial").checked,
      ...(to === "till" && { channel: "till" }),
      ...(to === "code" && { access_code: this.#value("access_code").value.trim(), ...(channel && { channel }) }),
    };
  }
}
