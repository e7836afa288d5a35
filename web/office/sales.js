// How a show sells: figures that follow the sale, and the seat map, from which staff sell at the till.

import { h, redraw, s } from "../dom.js";
import { locale } from "../language.js";
import { fullMoney, number, title } from "../words.js";
import { outcomeBox, unread } from "./asking.js";
import { t } from "./messages.js";
import { SeatBox } from "./seat-box.js";
import { Till } from "./till.js";

const ASK_AGAIN_MS = 3_000;
/** Hours of the chart. */
const HOURS = 24;

export class Sales {
  #show;
  #call;
  #figures = h("div", { class: "sales-figures" });
  #notOnSale = h("p", { class: "notice", role: "status" });
  #box;
  #till;
  #timer = 0;
  #closed = false;
  #shown = "";

  constructor({ panel, call, show, go, again }) {
    this.#show = show;
    this.#call = call;
    const outcome = outcomeBox();
    this.#box = new SeatBox({
      show,
      again,
      hint: t("map_hint"),
      pick: (seat) => this.#till.toggle(seat),
      loaded: () => this.#till.draw(),
      changed: (changes) => this.#till.changed(changes.filter(({ seat }) => seat.state !== "available").map(({ seat }) => seat.seat)),
    });
    this.#till = new Till({ show, call, go, outcome, box: this.#box });
    panel.append(
      this.#notOnSale,
      h(
        "div",
        { class: "sales" },
        this.#figures,
        h("section", { class: "seats", "aria-label": t("map") }, h("div", { class: "toolbar" }, h("h2", null, t("map")), this.#box.live), this.#box.parts, outcome, this.#till.element),
      ),
    );
    this.changed(show);
    this.#ask();
  }

  /** The show's sale has opened, was paused or has ended, here or elsewhere. */
  changed({ status }) {
    this.#notOnSale.hidden = status === "on_sale";
    this.#notOnSale.textContent = t("not_on_sale", { status: t(`sale_${status}`) });
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#box.close();
  }

  async #ask() {
    try {
      if (!document.hidden) this.#draw((await this.#call("GET", `/v1/shows/${encodeURIComponent(this.#show.id)}/sales`, { patience: 0 })).body);
    } catch (error) {
      if ([401, 403].includes(error.status)) redraw(this.#figures, h("p", { class: "notice" }, unread(error)));
      this.#shown = "";
    }
    if (!this.#closed) this.#timer = setTimeout(() => this.#ask(), ASK_AGAIN_MS);
  }

  #draw(sales) {
    // The same again would take the focus and the place from somebody who reads the tables. `position` counts other shows' events, too.
    const shown = JSON.stringify({ ...sales, position: 0 });
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { seats, bookings, captured, refunded, by_hour: hours, by_category: categories, by_price_type: types, by_channel: channels, by_payment: payments } = sales;
    const percent = (count) => new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format((100 * count) / Math.max(1, seats.capacity));
    const figure = (name, value, more) => h("div", { class: "figure" }, h("span", null, name), h("b", null, value), more && h("span", null, more));
    const places = new Map([...this.#figures.querySelectorAll(".scrolls")].map(({ dataset, scrollLeft }) => [dataset.key, scrollLeft]));
    redraw(
      this.#figures,
      h(
        "div",
        { class: "figures" },
        figure(t("sold"), number(seats.booked), t("of_capacity", { percent: percent(seats.booked), capacity: seats.capacity })),
        figure(t("held"), number(seats.held + seats.in_process)),
        figure(t("free"), number(seats.available)),
        figure(t("captured"), fullMoney(captured.value, captured.currency)),
        figure(t("refunded"), fullMoney(refunded.value, refunded.currency)),
        figure(t("confirmed"), number(bookings.confirmed)),
      ),
      chart(hours),
      table(t("by_category"), "category", categories),
      table(t("by_price_type"), "price_type", types),
      table(t("by_channel"), "channel", channels),
      table(t("by_payment"), "payment", payments),
    );
    for (const box of this.#figures.querySelectorAll(".scrolls")) box.scrollLeft = places.get(box.dataset.key) ?? 0;
  }
}

/** What a line counts: a word of the page for what the server names, as a category has its own name. */
const nameOf = (list, name = "–") => (t.has(`${list}_${name}`) ? t(`${list}_${name}`) : title(name));

function table(caption, name, lines) {
  if (!lines?.length) return undefined;
  const amount = (value) => h("td", { class: "amount" }, value);
  return h(
    "div",
    { class: "scrolls", tabindex: "0", role: "region", "aria-label": caption, "data-key": name },
    h(
      "table",
      { class: "data" },
      h("caption", null, caption),
      h("thead", null, h("tr", null, h("th", { scope: "col" }, t("name")), ["bookings", "seats", "amount", "returned"].map((key) => h("th", { scope: "col", class: "amount" }, t(key))))),
      h(
        "tbody",
        null,
        lines.map((line) =>
          h(
            "tr",
            null,
            h("th", { scope: "row" }, nameOf(name, line[name])),
            amount(number(line.bookings)),
            amount(number(line.seats)),
            amount(fullMoney(line.captured)),
            amount(line.refunded ? fullMoney(line.refunded) : "–"),
          ),
        ),
      ),
    ),
  );
}

/** Bars of the last hours with sales; the table's worth of it is read out by their labels. */
function chart(hours) {
  const shown = hours.slice(-HOURS);
  if (shown.length === 0) return undefined;
  const most = Math.max(1, ...shown.map(({ bookings }) => bookings));
  const clock = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const wide = 100 / HOURS;
  const bars = shown.map(({ hour, bookings }, index) => {
    const height = (36 * bookings) / most;
    const text = t("hour_bar", { hour: clock.format(new Date(hour)), count: bookings });
    return s("rect", { x: 100 - (shown.length - index) * wide, y: 38 - height, width: wide * 0.8, height: Math.max(0.5, height), rx: 0.6 }, s("title", null, text));
  });
  const label = shown.map(({ hour, bookings }) => t("hour_bar", { hour: clock.format(new Date(hour)), count: bookings })).join("; ");
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", { class: "hint" }, t("per_hour")),
    s("svg", { viewBox: "0 0 100 40", role: "img", "aria-label": label, preserveAspectRatio: "none" }, bars),
  );
}
