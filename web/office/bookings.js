// The bookings of a show: searched, page by page, and as CSV.

import { announce, h, redraw } from "../dom.js";
import { fullMoney, moment, placeNames } from "../words.js";
import { outcomeBox, say, unread } from "./asking.js";
import { openBooking } from "./booking.js";
import { t } from "./messages.js";
import { readable } from "./readable-csv.js";
import { saveCsv } from "./save.js";

const STATUSES = ["held", "paying", "action_required", "confirmed", "aborted", "refunded"];
const PAGE = 50;
/** What one request gets, and what is printed at most. */
const LARGEST_PAGE = 100;
const MOST_PRINTED = 2_000;
const NUMBER = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Of a file with all bookings, however slow the line. */
const DOWNLOAD_MS = 600_000;

/** What the next list begins with. Not in the address, which is kept: a code is as good as money. */
let voucherToFind = "";

/** The next list of bookings shows those with this voucher. */
export const findVoucher = (code) => void (voucherToFind = code);

export class BookingList {
  #call;
  #session;
  #show;
  #go;
  #found = [];
  #query = "";
  /** Counts searches: what an earlier one brings late is not of this one. */
  #search = 0;
  #dialog;
  #outcome = outcomeBox();
  #list = h("div");
  #more = h("button", { type: "button", hidden: true, onclick: () => this.#load() }, t("more"));

  constructor({ panel, call, session, show, go }) {
    this.#call = call;
    this.#session = session;
    this.#show = show;
    this.#go = go;
    const field = (name, input) => h("label", { class: "field" }, t(name), input);
    const text = (name) => h("input", { name, autocomplete: "off", spellcheck: "false" });
    const voucher = h("input", { name: "voucher", autocomplete: "off", spellcheck: "false", value: voucherToFind });
    if (voucherToFind) this.#query = new URLSearchParams({ voucher: voucherToFind }).toString();
    voucherToFind = "";
    const print = h("button", { type: "button", "data-act": "print", onclick: () => this.#print(print) }, t("print"));
    const csv = h("button", { type: "button", "data-act": "csv", onclick: () => this.#download(csv) }, t("csv"));
    const form = h(
      "form",
      { class: "toolbar", role: "search" },
      field("number", text("number")),
      field("seat", text("seat")),
      field("buyer", text("buyer")),
      field("reference", text("reference")),
      field("voucher", voucher),
      field("status", h("select", { name: "status" }, h("option", { value: "" }, t("any")), STATUSES.map((name) => h("option", { value: name }, t(`status_${name}`))), h("option", { value: "under_review" }, t("needs_review")))),
      h("button", { class: "primary" }, t("search")),
      csv,
      print,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const { number, ...asked } = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
      if (NUMBER.test(number)) return go({ booking: number.toLowerCase() });
      // All bookings instead would look like an answer.
      if (number) return say(this.#outcome, t("not_a_number"));
      // No status of its own: a booking in any of them may need a person.
      if (asked.status === "under_review") Object.assign(asked, { status: "", under_review: "true" });
      this.#query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value)).toString();
      this.#reload();
    });
    panel.append(h("div", { class: "stack" }, h("h2", { class: "on-paper" }, show.title), form, this.#outcome, this.#list, this.#more));
    this.#reload();
  }

  /** Opens a booking over the list, or none. */
  open(id) {
    if (this.#dialog?.id === id) return;
    this.#dialog?.close();
    this.#dialog = undefined;
    if (!id) return;
    const known = this.#found.find((booking) => booking.id === id);
    const closed = () => {
      if (this.#dialog?.id !== id) return;
      this.#dialog = undefined;
      this.#go({ booking: "" });
    };
    this.#dialog = { id, close: openBooking({ call: this.#call, session: this.#session, id, known, closed, changed: () => this.#reload() }) };
  }

  close() {
    this.#search += 1;
    this.open("");
  }

  get #path() {
    return `/v1/shows/${encodeURIComponent(this.#show.id)}/bookings?${this.#query}`;
  }

  #reload() {
    this.#search += 1;
    this.#found = [];
    return this.#load();
  }

  async #load(size = PAGE) {
    const search = this.#search;
    const after = this.#found.length > 0 ? `&starting_after=${encodeURIComponent(this.#found.at(-1).id)}` : "";
    this.#more.disabled = true;
    try {
      const { body } = await this.#call("GET", `${this.#path}&limit=${size}${after}`);
      if (search !== this.#search) return false;
      this.#found.push(...body.data);
      this.#more.hidden = !body.has_more;
      say(this.#outcome, "");
      this.#draw();
      return true;
    } catch (error) {
      if (search === this.#search) say(this.#outcome, unread(error));
      return false;
    } finally {
      this.#more.disabled = false;
    }
  }

  /** Prints all that was found, not only what was looked at. */
  async #print(button) {
    button.disabled = true;
    let isThere = true;
    while (isThere && !this.#more.hidden && this.#found.length < MOST_PRINTED) isThere = await this.#load(LARGEST_PAGE);
    button.disabled = false;
    if (isThere) print();
  }

  async #download(button) {
    button.disabled = true;
    try {
      const { body } = await this.#call("GET", this.#path, { accept: "text/csv", within: DOWNLOAD_MS });
      saveCsv(readable(body, this.#show.timezone), `${this.#show.id}-bookings.csv`);
    } catch (error) {
      say(this.#outcome, unread(error));
    }
    button.disabled = false;
  }

  #draw() {
    if (this.#found.length === 0) {
      announce(t("none_found"));
      return redraw(this.#list, h("p", { class: "empty" }, t("none_found")));
    }
    const open = (id) => h("button", { type: "button", class: "plain number", "data-key": id, onclick: () => this.#go({ booking: id }) }, id);
    const row = ({ id, status, seats, amount, opened_at: at, buyer, payment }) =>
      h(
        "tr",
        null,
        h("th", { scope: "row" }, open(id)),
        h("td", null, badge(status), payment?.under_review && [" ", h("span", { class: "badge bad" }, t("needs_review"))], payment?.refund_requested && [" ", h("span", { class: "badge" }, t("refund_under_way"))]),
        h("td", null, placeNames(seats).join(", ")),
        h("td", { class: "amount" }, amount ? fullMoney(amount.value, amount.currency) : "–"),
        h("td", null, at ? moment(at) : "–"),
        h("td", { class: "buyer" }, buyer ?? "–"),
      );
    const head = ["booking", "status", "seats", "amount", "opened", "buyer"].map((name) => h("th", { scope: "col", class: name === "amount" ? "amount" : undefined }, t(name)));
    const count = this.#more.hidden ? t("found", { count: this.#found.length }) : t("found_more", { count: this.#found.length });
    announce(count);
    redraw(
      this.#list,
      h(
        "div",
        { class: "scrolls", tabindex: "0", role: "region", "aria-label": t("bookings"), "data-key": "bookings" },
        h("table", { class: "data" }, h("caption", null, count), h("thead", null, h("tr", null, head)), h("tbody", null, this.#found.map(row))),
      ),
    );
  }
}

/** A status as a word in a shape: never by colour alone. */
export function badge(status) {
  const kind = { confirmed: "good", aborted: "", refunded: "" }[status] ?? "";
  return h("span", { class: `badge ${kind}` }, t(`status_${status}`));
}
