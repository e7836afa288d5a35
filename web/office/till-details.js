// What a sale at the till may name besides its seats: whose the booking is, the shop's own number, and a voucher.

import { h } from "../dom.js";
import { fullMoney } from "../words.js";
import { t } from "./messages.js";

export class SaleDetails {
  element;
  #buyer = h("input", { name: "sale_buyer", autocomplete: "off", spellcheck: "false", maxlength: "128" });
  #reference = h("input", { name: "sale_reference", autocomplete: "off", spellcheck: "false", maxlength: "100" });
  #voucher = h("input", { name: "sale_voucher", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", maxlength: "64" });

  /** `changed` is called when the sale needs another step, or one less. */
  constructor(changed) {
    const field = (name, input) => h("label", { class: "field" }, t(name), input);
    this.#voucher.addEventListener("input", changed);
    this.element = h(
      "details",
      { class: "sale-details" },
      h("summary", { "data-key": "sale-details" }, t("sale_details")),
      h("div", { class: "toolbar" }, field("sale_voucher", this.#voucher), field("sale_buyer", this.#buyer), field("sale_reference", this.#reference)),
      h("p", { class: "hint" }, t("sale_details_hint")),
    );
  }

  /** What a hold says of it. */
  get order() {
    const [buyer, reference] = [this.#buyer, this.#reference].map((field) => field.value.trim());
    return { ...(buyer && { buyer }), ...(reference && { reference }) };
  }

  get voucher() {
    return this.#voucher.value.trim();
  }

  /** The next sale is somebody else's. */
  clear() {
    for (const field of [this.#buyer, this.#reference, this.#voucher]) field.value = "";
  }
}

/** What a held booking costs with its voucher, if it is paid with this tender. */
export function withVoucher({ amount, discount }, seats, tender) {
  const less = fullMoney(discount?.value ?? 0, amount.currency);
  return t(tender === "complimentary" ? "sale_given_with_voucher" : "sale_with_voucher", { seats, discount: less, amount: fullMoney(amount.value, amount.currency) });
}
