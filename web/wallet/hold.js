// What a buyer can do with seats that are held and not paid for: pay, use a voucher, take more time, give them back.

import { h } from "../dom.js";
import { fullMoney } from "../words.js";
import { t } from "./messages.js";
import { stateOf, timeOf } from "./names.js";

/** @typedef {{ card: import("./store.js").Card, wallet: import("./loader.js").Wallet, commands: import("./commands.js").Commands }} Context */

/** @param {Context & { clock: HTMLElement, typed: { voucher: string } }} context `clock` is where the time that is left is shown */
export function holdParts({ card, wallet, commands, clock, typed }) {
  const { id, booking } = card;
  const state = stateOf(card);
  const path = `/v1/bookings/${encodeURIComponent(id)}`;
  const { expires_at: until, extendable } = booking;
  /** Sends a command whose answer is the booking, and shows that, whatever came of it. */
  const command = async (send, method, at = path, body = undefined) => {
    let answer;
    try {
      answer = await send(method, at, { ...wallet.proof(card), body });
    } finally {
      await wallet.changed(card, answer?.body?.id ? answer.body : undefined);
    }
  };
  const extend = () => commands.button({ name: "extend", key: `extend ${id}`, text: t("extend"), done: t("extended"), run: (send) => command(send, "POST", `${path}/extend`) });
  const cancel = () => commands.button({ name: "cancel", key: `cancel ${id}`, text: t("cancel"), sure: t("cancel_sure"), done: t("cancel_done"), run: (send) => command(send, "DELETE") });
  const voucher = () => {
    if (!booking.discount) return voucherForm(commands, id, typed, (code) => commands.run(`voucher ${code}`, (send) => command(send, "POST", `${path}/voucher`, { voucher: code }), t("voucher_applied")));
    const off = t("voucher_off", { amount: fullMoney(booking.discount.value, booking.discount.currency) });
    return [h("p", null, off), commands.button({ name: "no-voucher", key: `no voucher ${id}`, text: t("voucher_remove"), run: (send) => command(send, "DELETE", `${path}/voucher`) })];
  };
  return [
    state !== "paying" && h("p", { class: "clock" }, clock, until && ` · ${t("until", { time: timeOf(until) })}`),
    h(
      "div",
      { class: "toolbar" },
      h("a", { class: "primary", href: `/?booking=${encodeURIComponent(id)}`, data: { key: `pay ${id}`, act: "pay" } }, t(state === "held" ? "pay" : "pay_on")),
      state === "held" && extendable && extend(),
      state !== "paying" && cancel(),
    ),
    // After the first attempt to pay, the amount is fixed.
    state === "held" && !booking.payment && voucher(),
  ];
}

/** @param {{ voucher: string }} typed what is in the field already */
function voucherForm(commands, id, typed, use) {
  const field = h("input", {
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    maxlength: "100",
    required: true,
    value: typed.voucher,
    data: { key: `code ${id}` },
    oninput: () => (typed.voucher = field.value),
  });
  const submit = (event) => {
    event.preventDefault();
    use(field.value.trim());
  };
  return h(
    "form",
    { class: "toolbar", data: { act: "voucher" }, onsubmit: submit },
    h("label", { class: "field" }, t("voucher_for"), field),
    h("button", { data: { key: `voucher ${id}` }, disabled: commands.busy }, t("voucher_apply")),
  );
}
