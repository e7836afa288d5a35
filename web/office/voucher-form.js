// The form that issues vouchers: what each is worth, how many, when and for what.

import { h } from "../dom.js";
import { title } from "../words.js";
import { commandButton, outcomeBox } from "./asking.js";
import { t as office } from "./messages.js";
import { t } from "./voucher-messages.js";
import { discountOf, KINDS, mistake, worth } from "./voucher-terms.js";
import { instantOf } from "./zones.js";

/**
 * @param {{ call: any, show: any, issued: (campaign: any) => unknown }} options `show` is the one that is worked on, if there is one
 */
export function voucherForm({ call, show, issued }) {
  const outcome = outcomeBox();
  const zone = show?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const currency = show?.currency ?? "EUR";
  const input = (name, props = {}) => h("label", { class: "field" }, t(name), h("input", { name, autocomplete: "off", ...props }));
  const option = (value, text) => h("option", { value }, text);
  const what = h("span", null, t("value"));
  const kind = h("select", { name: "kind" }, KINDS.map((name) => option(name, name === "amount" ? `${t(name)} (${currency})` : t(name))));
  const worthField = h("label", { class: "field" }, what, h("input", { name: "value", autocomplete: "off", value: "10" }));
  const block = h("select", { name: "block" }, option("", t("no_block")));
  const categories = (show?.categories ?? []).map(({ category }) => category);
  kind.addEventListener("change", () => {
    worthField.hidden = kind.value === "nothing";
    what.textContent = t(kind.value === "goods" ? "value_goods" : "value");
    form.elements.namedItem("value").value = "";
  });
  const form = /** @type {any} */ (
    h(
      "form",
      { class: "stack" },
      h(
        "fieldset",
        { class: "stack" },
        h("div", { class: "toolbar" }, h("label", { class: "field" }, t("worth"), kind), worthField, input("count", { value: "1", inputmode: "numeric", size: "7" }), input("uses", { value: "1", inputmode: "numeric", size: "5" })),
        h("div", { class: "toolbar" }, input("valid_from", { type: "datetime-local" }), input("valid_until", { type: "datetime-local" })),
        h("p", { class: "hint" }, t("times_hint", { zone })),
        show && h("label", { class: "check" }, h("input", { type: "checkbox", name: "only", checked: true }), t("only_this_show", { show: show.title })),
        show &&
          h(
            "div",
            { class: "toolbar" },
            h("label", { class: "field" }, t("categories"), h("select", { name: "category" }, option("", t("any_category")), categories.map((name) => option(name, title(name))))),
            h("label", { class: "field" }, t("opens"), block),
          ),
      ),
    )
  );
  form.addEventListener("submit", (event) => event.preventDefault());
  blocks();

  /** The blocks that a voucher could open. A list that can't be read leaves the others out. */
  async function blocks() {
    if (!show) return;
    const found = await call("GET", `/v1/shows/${encodeURIComponent(show.id)}/blocks`).catch(() => undefined);
    for (const { id, reason } of found?.body.data ?? []) block.append(option(id, reason));
  }

  const value = (name) => form.elements.namedItem(name)?.value ?? "";
  const typed = () => ({ kind: kind.value, value: value("value"), count: value("count"), uses: value("uses"), block: value("block") });

  function body() {
    const time = (name) => (value(name) ? instantOf(value(name), zone).toISOString() : undefined);
    return {
      discount: discountOf(typed(), currency),
      count: Number(value("count")),
      uses: Number(value("uses")),
      valid_from: time("valid_from"),
      valid_until: time("valid_until"),
      ...(form.elements.namedItem("only")?.checked && { shows: [show.id] }),
      ...(value("category") && { categories: [value("category")] }),
      ...(value("block") && { opens: [value("block")] }),
    };
  }

  const button = commandButton({
    name: "issue",
    text: t("issue_now"),
    primary: true,
    outcome,
    keep: "issue vouchers",
    may: () => mistake(typed(), currency),
    means: () => t("issue_means", { count: Number(value("count")), what: worth(discountOf(typed(), currency)) }),
    what: body,
    pending: (isPending) => (form.firstElementChild.disabled = isPending),
    act: async (key, what) => (await call("POST", "/v1/vouchers", { key, body: what })).body,
    done: (campaign) => issued(campaign),
  });
  return h("section", { class: "panel" }, h("h2", null, t("issue")), form, outcome, h("div", null, button), h("p", { class: "hint", hidden: Boolean(show) }, office("no_shows")));
}
