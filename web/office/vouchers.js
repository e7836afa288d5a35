// Vouchers: goods handed over at the counter, codes withdrawn, campaigns issued and looked at.

import { h, redraw } from "../dom.js";
import { moment, number } from "../words.js";
import { commandButton, outcomeBox, say, unread } from "./asking.js";
import { findVoucher } from "./bookings.js";
import { openCampaign } from "./campaign.js";
import { t as office } from "./messages.js";
import { t } from "./voucher-messages.js";
import { voucherForm } from "./voucher-form.js";
import { worth } from "./voucher-terms.js";
import { withdrawForm } from "./voucher-withdraw.js";

const ISSUE = ["manager", "admin"];
const PAGE = 50;
const NUMBER = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export class Vouchers {
  #call;
  #go;
  #list = h("div", { class: "stack" });
  #outcome = outcomeBox();
  #more = h("button", { type: "button", hidden: true, onclick: () => this.#load(true) }, office("more"));
  #campaigns = [];
  #dialog;

  constructor({ panel, call, session, show, go }) {
    this.#call = call;
    this.#go = go;
    const mayIssue = ISSUE.includes(session.role);
    panel.append(
      h(
        "div",
        { class: "sales" },
        h(
          "div",
          { class: "stack" },
          redeemForm(call),
          mayIssue ? voucherForm({ call, show, issued: (campaign) => this.#issued(campaign) }) : h("p", { class: "hint" }, t("not_for")),
          mayIssue && withdrawForm({ call, done: () => this.#load() }),
        ),
        mayIssue && h("section", { class: "panel" }, h("h2", null, t("campaigns")), this.#byNumber(), this.#outcome, this.#list, this.#more),
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
    const { id, count, status, discount } = campaign;
    await this.#load();
    say(this.#outcome, t(status === "issued" ? "issued" : "issuing_now", { count, what: worth(discount) }), true);
    this.#open(id);
  }

  /** Reads the list again, or its next page. */
  async #load(next = false) {
    this.#more.disabled = true;
    const after = next ? this.#campaigns.at(-1)?.id : undefined;
    try {
      const { body } = await this.#call("GET", `/v1/vouchers?${new URLSearchParams({ limit: String(PAGE), ...(after && { starting_after: after }) })}`);
      this.#campaigns = next ? [...this.#campaigns, ...body.data] : body.data;
      this.#more.hidden = !body.has_more;
      this.#draw(this.#campaigns);
    } catch (error) {
      this.#more.hidden = true;
      redraw(this.#list, h("p", { class: "notice" }, unread(error)), h("div", null, h("button", { type: "button", onclick: () => this.#load() }, office("retry"))));
    }
    this.#more.disabled = false;
  }

  #draw(campaigns) {
    const row = ({ id, status, discount, count, used, reserved, withdrawn, by, started_at: at }) =>
      h(
        "tr",
        null,
        h("th", { scope: "row" }, h("button", { type: "button", class: "plain", "data-key": id, "data-campaign": id, onclick: () => this.#open(id) }, worth(discount))),
        h("td", null, h("span", { class: `badge ${status === "issued" ? "good" : ""}` }, t(`status_${status}`)), h("br"), h("span", { class: "hint" }, `${by} · ${moment(at)}`)),
        [count, used, reserved, withdrawn].map((value) => h("td", { class: "amount" }, number(value))),
      );
    const head = [["campaign"], ["status"], ["codes", "amount"], ["used", "amount"], ["reserved", "amount"], ["withdrawn", "amount"]].map(([name, kind]) => h("th", { scope: "col", class: kind }, t(name)));
    const table = h(
      "div",
      { class: "scrolls", tabindex: "0", role: "region", "aria-label": t("campaigns"), "data-key": "campaigns" },
      h("table", { class: "data" }, h("thead", null, h("tr", null, head)), h("tbody", null, campaigns.map(row))),
    );
    redraw(this.#list, h("p", { class: "hint" }, t("campaigns_all")), campaigns.length > 0 ? table : h("p", { class: "empty" }, t("no_campaigns")));
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
