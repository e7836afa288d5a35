// One campaign: its terms, how far it is, and its codes with what was done with them. It can be ended, and each code withdrawn.

import { h, redraw } from "../dom.js";
import { moment, number } from "../words.js";
import { outcomeBox, say, unread } from "./asking.js";
import { t as office } from "./messages.js";
import { saveCsv } from "./save.js";
import { t } from "./voucher-messages.js";
import { worth } from "./voucher-terms.js";
import { endForm, withdrawButton } from "./voucher-withdraw.js";

const PAGE = 50;
const LOOK_AGAIN_MS = 2_000;
/** Of a file with all codes, however slow the line. */
const DOWNLOAD_MS = 600_000;

/**
 * Opens a campaign in a dialog. `go` leads to the bookings with one of its vouchers, `closed` is called when it is closed. Returns what
 * closes it.
 */
export function openCampaign({ call, id, go, closed }) {
  const path = `/v1/vouchers/${encodeURIComponent(id)}`;
  const [content, outcome] = [h("div", { class: "stack" }), outcomeBox()];
  // It stays when its codes are drawn again: on a phone it is scrolled to the buttons.
  const table = h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": t("codes") });
  const more = h("button", { type: "button", hidden: true, onclick: () => load(true) }, office("more"));
  const csv = h("button", { type: "button", "data-act": "csv", onclick: () => download() }, t("csv"));
  let vouchers = [];
  let count = 0;
  let timer = 0;
  const end = endForm({ call, path, outcome, count: () => count, done: () => load() });
  const dialog = h(
    "dialog",
    { class: "dialog wide", "aria-labelledby": "campaign-title" },
    h("div", { class: "toolbar" }, h("h2", { id: "campaign-title", tabindex: "-1" }, t("campaign")), h("form", { method: "dialog" }, h("button", { class: "plain" }, office("close")))),
    outcome,
    content,
    end,
    h("div", { class: "toolbar" }, csv),
    table,
    more,
  );
  dialog.addEventListener("close", () => {
    clearTimeout(timer);
    dialog.remove();
    closed();
  });
  document.body.append(dialog);
  dialog.showModal();

  /** Reads it again, or the next page of its codes. */
  async function load(next = false) {
    clearTimeout(timer);
    more.disabled = true;
    const after = next ? vouchers.at(-1)?.number : undefined;
    try {
      const { body } = await call("GET", `${path}?${new URLSearchParams({ limit: String(PAGE), ...(after && { starting_after: String(after) }) })}`);
      if (!dialog.open) return;
      count = body.count;
      vouchers = next ? [...vouchers, ...body.vouchers] : body.vouchers;
      more.hidden = !body.has_more;
      csv.disabled = body.status === "issuing";
      end.hidden = Boolean(body.end);
      redraw(content, details(body));
      redraw(table, codes(vouchers, { call, outcome, go, changed: (code) => withdrawn(code) }));
      say(outcome, "");
      if (["issuing", "ending"].includes(body.status)) timer = setTimeout(load, LOOK_AGAIN_MS);
    } catch (error) {
      say(outcome, unread(error));
      // A number that nobody has stays so; anything else may pass.
      if (![403, 404, 409].includes(error.status) && dialog.open) timer = setTimeout(load, LOOK_AGAIN_MS);
    }
    more.disabled = false;
  }

  /** The button is gone, and the focus with it: it goes to the one beside. */
  async function withdrawn(code) {
    await load();
    if (document.activeElement === document.body) table.querySelector(`[data-key="bookings-${CSS.escape(code)}"]`)?.focus();
  }

  async function download() {
    csv.disabled = true;
    try {
      const { body } = await call("GET", path, { accept: "text/csv", within: DOWNLOAD_MS });
      saveCsv(body, `vouchers-${id}.csv`);
    } catch (error) {
      say(outcome, unread(error));
    }
    csv.disabled = false;
  }

  load();
  return () => dialog.close();
}

function details({ id, status, discount, count, issued, used, reserved, withdrawn, uses, shows, categories, opens, by, started_at: at, end, valid_from: from, valid_until: until }) {
  const lines = [
    [t("number"), h("code", null, id)],
    [office("status"), h("span", { class: `badge ${status === "issued" ? "good" : ""}` }, t(`status_${status}`))],
    [t("worth"), worth(discount)],
    [t("count"), number(count)],
    [t("uses"), number(uses)],
    [t("valid_from"), from && moment(from)],
    [t("valid_until"), until && moment(until)],
    [t("shows"), shows?.join(", ")],
    [t("categories"), categories?.join(", ")],
    [t("opens"), opens && h("code", null, opens.join(", "))],
    [t("started"), moment(at)],
    [t("by"), by],
    [t("used"), used !== undefined && number(used)],
    [t("reserved"), reserved !== undefined && number(reserved)],
    [t("withdrawn"), withdrawn !== undefined && number(withdrawn)],
    [t("ended_at"), end && moment(end.requested_at)],
    [t("ended_by"), end?.by],
    [t("reason"), end?.reason],
  ];
  const done = status === "issuing" ? issued : (withdrawn ?? 0);
  const progress = t(status === "issuing" ? "progress" : "progress_end", { issued: done, total: count });
  const isUnderWay = ["issuing", "ending"].includes(status);
  return [
    h("dl", { class: "details" }, lines.filter(([, value]) => value).map(([name, value]) => [h("dt", null, name), h("dd", null, value)])),
    isUnderWay && h("progress", { max: Math.max(1, count), value: done, "aria-label": t(`status_${status}`) }),
    isUnderWay && h("p", { role: "status" }, progress),
    h("p", { class: "hint" }, t(end ? "ended_hint" : "end_hint")),
  ].filter(Boolean);
}

function codes(vouchers, { call, outcome, go, changed }) {
  const withdraw = (voucher) => withdrawButton({ call, voucher, outcome, done: () => changed(voucher) });
  const bookings = (code) => h("button", { type: "button", class: "plain", "data-key": `bookings-${code}`, "aria-label": t("bookings_of", { code }), onclick: () => go(code) }, t("bookings"));
  const row = ({ number: which, voucher, used = 0, reserved = 0, withdrawn }) =>
    h(
      "tr",
      null,
      h("td", { class: "amount" }, number(which)),
      h("th", { scope: "row" }, h("code", null, voucher)),
      h("td", { class: "amount" }, number(used)),
      h("td", { class: "amount" }, number(reserved)),
      h("td", null, bookings(voucher)),
      h("td", null, withdrawn ? h("span", { class: "badge" }, t("withdrawn")) : withdraw(voucher)),
    );
  const head = [["#", true], [t("voucher"), false], [t("used"), true], [t("reserved"), true]].map(([name, amount]) => h("th", { scope: "col", class: amount ? "amount" : undefined }, name));
  return h("table", { class: "data" }, h("caption", null, t("reserved_hint")), h("thead", null, h("tr", null, head, h("td"), h("td"))), h("tbody", null, vouchers.map(row)));
}
