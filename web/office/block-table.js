// The open blocks of a show as a table.

import { h } from "../dom.js";
import { moment, number } from "../words.js";
import { t } from "./block-messages.js";

/** `shown` is the id of the block whose seats are marked; `show` marks them, `lift` makes the button that lifts a block, if there is to be one. */
export function blockTable(blocks, { shown, show, lift }) {
  const access = ({ channel, has_access_code: code }) => (channel === "till" ? t("till") : code ? [t("code"), channel && ` · ${channel}`] : t("nobody"));
  const row = (block) => {
    const { id, reason, quantity, states, by, opened_at: at } = block;
    const look = h("button", { type: "button", class: "plain", "data-key": `show-${id}`, "aria-label": t("show_named", { reason }), onclick: () => show(block) }, t("show"));
    return h(
      "tr",
      { "data-block": id, "aria-current": shown === id && "true" },
      h("th", { scope: "row", class: "reason" }, reason),
      h("td", { class: "amount" }, number(quantity)),
      h("td", { class: "amount" }, number(states.blocked ?? 0)),
      h("td", null, access(block)),
      h("td", null, by, h("br"), h("span", { class: "hint" }, moment(at))),
      h("td", null, h("div", { class: "toolbar" }, look, lift(block))),
    );
  };
  const head = ["name", "seats", "free", "access", "blocked_by"].map((name) => h("th", { scope: "col", class: ["seats", "free"].includes(name) ? "amount" : undefined }, t(name)));
  return h(
    "div",
    { class: "scrolls", tabindex: "0", role: "region", "aria-label": t("open"), "data-key": "blocks" },
    h("table", { class: "data" }, h("thead", null, h("tr", null, head, h("td"))), h("tbody", null, blocks.map(row))),
  );
}
