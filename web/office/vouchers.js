// Vouchers: goods handed over at the counter, campaigns issued and looked at.

import { h, redraw } from "../dom.js";
import { moment, number } from "../words.js";
import { commandButton, outcomeBox, say, unread } from "./asking.js";
import { findVoucher } from "./bookings.js";
import { openCampaign } from "./campaign.js";
import { listCampaigns, remember } from "./campaigns-known.js";
import { t as office } from "./messages.js";
import { t } from "./voucher-messages.js";
import { voucherForm } from "./voucher-form.js";
import { worth } from "./voucher-terms.js";

const ISSUE = ["manager", "admin"];
const NUMBER = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export class Vouchers {
  #call;
  #go;
  #list = h("div", { class: "stack" });
  #outcome = outcomeBox();
  #dialog;

  constructor({ panel, call, session, show, go }) {
    this.#call = call;
    this.#go = go;
    const mayIssue = ISSUE.includes(session.role);
    panel.append(
      h(
        "div",
        { class: "sales" },
        h("div", { class: "stack" }, redeemForm(call), mayIssue ? voucherForm({ call, show, issued: (campaign) => this.#issued(campaign) }) : h("p", { class: "hint" }, t("not_for"))),
        mayIssue && h("section", { class: "panel" }, h("h2", null, t("campaigns")), this.#byNumber(), this.#outcome, this.#list),
      ),
    );
    if (mayIssue) this.#load();
  }

  close() {
    this.#open(undefined);
  }

  #byNumber() {
    const number = h("input", { name: "campaign", autocomplete: "off", spellcheck: "false" });
    const form = h("form", { class: "toolbar", role: "search" }, h("label", { class: "field" }, t("number"), number), h("button", null, t("open")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const id = number.value.trim().toLowerCase();
      if (!NUMBER.test(id)) return say(this.#outcome, t("not_a_number"));
      say(this.#outcome, "");
      return this.#open(id);
    });
    return form;
  }

  #open(id) {
    const before = this.#dialog;
    this.#dialog = undefined;
    before?.();
    if (!id) return;
    const bookings = (voucher) => {
      findVoucher(voucher);
      this.#go({ tab: "bookings", booking: "" });
    };
    const close = openCampaign({
      call: this.#call,
      id,
      go: bookings,
      closed: async () => {
        if (this.#dialog !== close) return;
        this.#dialog = undefined;
        await this.#load();
        // The button that issued it was disabled, so the focus goes back to nothing.
        if (document.activeElement === document.body) /** @type {HTMLElement | null} */ (this.#list.querySelector(`[data-campaign="${id}"]`))?.focus();
      },
    });
    this.#dialog = close;
  }

  async #issued(campaign) {
    remember(campaign);
    const { id, count, status, discount } = campaign;
    await this.#load();
    say(this.#outcome, t(status === "issued" ? "issued" : "issuing_now", { count, what: worth(discount) }), true);
    this.#open(id);
  }

  async #load() {
    try {
      const { all, campaigns } = await listCampaigns(this.#call);
      this.#draw(all, campaigns);
    } catch (error) {
      redraw(this.#list, h("p", { class: "notice" }, unread(error)), h("div", null, h("button", { type: "button", onclick: () => this.#load() }, office("retry"))));
    }
  }

  #draw(all, campaigns) {
    const row = ({ id, discount, count, by, at }) =>
      h(
        "tr",
        null,
        h("th", { scope: "row" }, h("button", { type: "button", class: "plain", "data-key": id, "data-campaign": id, onclick: () => this.#open(id) }, worth(discount))),
        h("td", { class: "amount" }, number(count)),
        h("td", null, by),
        h("td", null, moment(at)),
      );
    const head = [["campaign"], ["codes", "amount"], ["by"], ["started"]].map(([name, kind]) => h("th", { scope: "col", class: kind }, t(name)));
    const table = h(
      "div",
      { class: "scrolls", tabindex: "0", role: "region", "aria-label": t("campaigns"), "data-key": "campaigns" },
      h("table", { class: "data" }, h("thead", null, h("tr", null, head)), h("tbody", null, campaigns.map(row))),
    );
    redraw(this.#list, h("p", { class: "hint" }, t(all ? "campaigns_all" : "campaigns_known")), campaigns.length > 0 ? table : h("p", { class: "empty" }, t("no_campaigns")));
  }
}

/** Goods are handed over by all who work here. */
function redeemForm(call) {
  const outcome = outcomeBox();
  const code = h("input", { name: "redeem_code", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", maxlength: "64" });
  const field = h("fieldset", { class: "toolbar" }, h("label", { class: "field" }, t("code"), code));
  const button = commandButton({
    name: "redeem",
    text: t("redeem_now"),
    outcome,
    keep: "redeem goods",
    may: () => (code.value.trim() ? undefined : t("code_missing")),
    means: () => t("redeem_means", { code: code.value.trim() }),
    what: () => ({ voucher: code.value.trim() }),
    pending: (isPending) => (field.disabled = isPending),
    act: async (key, body) => (await call("POST", "/v1/vouchers/redeem", { key, body })).body,
    done: ({ discount, left }) => {
      code.value = "";
      say(outcome, left > 0 ? t("handed_over", { what: worth(discount), count: left }) : t("handed_over_last", { what: worth(discount) }), true);
    },
  });
  return h("section", { class: "panel" }, h("h2", null, t("redeem")), h("p", { class: "hint" }, t("redeem_hint")), field, outcome, h("div", null, button));
}
