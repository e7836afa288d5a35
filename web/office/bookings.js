// The bookings of a show: searched, page by page, and as CSV.

import { h, redraw } from "../dom.js";
import { fullMoney, moment, placeNames } from "../words.js";
import { outcomeBox, say, wrong } from "./asking.js";
import { openBooking } from "./booking.js";
import { t } from "./messages.js";

const STATUSES = ["held", "paying", "action_required", "confirmed", "aborted", "refunded"];
const PAGE = 50;
const NUMBER = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export class BookingList {
  #call;
  #show;
  #go;
  #found = [];
  #query = "";
  #outcome = outcomeBox();
  #list = h("div");
  #more = h("button", { type: "button", hidden: true, onclick: () => this.#load() }, t("more"));

  constructor({ panel, call, show, go, booking }) {
    this.#call = call;
    this.#show = show;
    this.#go = go;
    const field = (name, input) => h("label", { class: "field" }, t(name), input);
    const text = (name) => h("input", { name, autocomplete: "off", spellcheck: "false" });
    const form = h(
      "form",
      { class: "toolbar", role: "search" },
      field("number", text("number")),
      field("seat", text("seat")),
      field("buyer", text("buyer")),
      field("reference", text("reference")),
      field("status", h("select", { name: "status" }, h("option", { value: "" }, t("any")), STATUSES.map((name) => h("option", { value: name }, t(`status_${name}`))))),
      h("button", { class: "primary" }, t("search")),
      h("button", { type: "button", onclick: () => this.#download() }, t("csv")),
      h("button", { type: "button", onclick: () => print() }, t("print")),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const asked = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
      if (NUMBER.test(asked.number)) return go({ booking: asked.number });
      delete asked.number;
      this.#query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value)).toString();
      this.#found = [];
      this.#load();
    });
    panel.append(h("div", { class: "stack" }, form, this.#outcome, this.#list, this.#more));
    this.#load();
    if (booking) openBooking({ call, id: booking, closed: () => go({ booking: "" }), changed: () => this.#reload() });
  }

  get #path() {
    return `/v1/shows/${encodeURIComponent(this.#show.id)}/bookings?${this.#query}`;
  }

  #reload() {
    this.#found = [];
    this.#load();
  }

  async #load() {
    const after = this.#found.length > 0 ? `&starting_after=${this.#found.at(-1).id}` : "";
    try {
      const { body } = await this.#call("GET", `${this.#path}&limit=${PAGE}${after}`);
      this.#found.push(...body.data);
      this.#more.hidden = !body.has_more;
      say(this.#outcome, "");
      this.#draw();
    } catch (error) {
      say(this.#outcome, wrong(error));
    }
  }

  async #download() {
    try {
      const { body } = await this.#call("GET", this.#path, { accept: "text/csv" });
      const link = h("a", { href: URL.createObjectURL(new Blob([body], { type: "text/csv" })), download: `${this.#show.id}-bookings.csv` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    } catch (error) {
      say(this.#outcome, wrong(error));
    }
  }

  #draw() {
    if (this.#found.length === 0) return redraw(this.#list, h("p", { class: "empty" }, t("none_found")));
    const open = (id) => h("button", { type: "button", class: "plain number", "data-key": id, onclick: () => this.#go({ booking: id }) }, id);
    const row = ({ id, status, seats, amount, opened_at: at, buyer, payment }) =>
      h(
        "tr",
        null,
        h("th", { scope: "row" }, open(id)),
        h("td", null, badge(status), payment?.under_review && h("span", { class: "badge bad" }, "!")),
        h("td", null, placeNames(seats.map(({ seat }) => seat)).join(", ")),
        h("td", { class: "amount" }, amount ? fullMoney(amount.value, amount.currency) : "–"),
        h("td", null, at ? moment(at) : "–"),
        h("td", { class: "buyer" }, buyer ?? "–"),
      );
    const head = ["booking", "status", "seats", "amount", "opened", "buyer"].map((name) => h("th", { scope: "col", class: name === "amount" ? "amount" : undefined }, t(name)));
    redraw(
      this.#list,
      h(
        "div",
        { class: "scrolls", tabindex: "0", role: "region", "aria-label": t("bookings") },
        h("table", { class: "data" }, h("thead", null, h("tr", null, head)), h("tbody", null, this.#found.map(row))),
      ),
    );
  }
}

/** A status as a word in a shape: never by colour alone. */
export function badge(status) {
  const kind = { confirmed: "good", aborted: "", refunded: "" }[status] ?? "";
  return h("span", { class: `badge ${kind}` }, t(`status_${status}`));
}
