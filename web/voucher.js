// The field for a voucher's code: the new price is there before anybody pays.

import { h } from "./dom.js";
import { t } from "./payment-messages.js";

export class Voucher {
  #checkout;
  #code = h("input", { name: "voucher", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", required: true, maxlength: "64", data: { key: "voucher" } });
  /** Whether the visitor has opened the field. */
  #open = false;
  /** The booking that the field was filled in for. */
  #booking;

  constructor(checkout) {
    this.#checkout = checkout;
  }

  /** What the panel shows. `still` while nothing may be pressed; `note` is what became of the last code. */
  parts(still, note) {
    const { booking, takesVoucher } = this.#checkout;
    if (this.#booking !== booking.id) {
      this.#booking = booking.id;
      this.#code.value = "";
      this.#open = false;
    }
    if (!takesVoucher) return note;
    if (booking.voucher) {
      const remove = () => this.#checkout.removeVoucher();
      return [note, h("div", { class: "buttons small" }, h("button", { type: "button", class: "quiet", disabled: still, data: { key: "no voucher", act: "no-voucher" }, onclick: remove }, t("voucher_remove")))];
    }
    this.#code.disabled = still;
    const field = h(
      "details",
      { class: "voucher", open: this.#open, ontoggle: (event) => (this.#open = event.target.open) },
      h("summary", { data: { key: "voucher open" } }, t("voucher")),
      h(
        "form",
        { onsubmit: (event) => this.#use(event) },
        h("label", null, h("span", null, t("voucher_code")), this.#code),
        h("button", { disabled: still, data: { key: "use voucher", act: "use-voucher" } }, t("voucher_use")),
      ),
    );
    return [field, note];
  }

  async #use(event) {
    event.preventDefault();
    if (await this.#checkout.useVoucher(this.#code.value.trim())) this.#code.value = "";
  }
}
