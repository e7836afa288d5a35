// How a show sells: figures that follow the sale, and the seat map, from which staff sell at the till.

import { announce, h, redraw, s } from "../dom.js";
import { Feed } from "../feed.js";
import { Inventory } from "../inventory.js";
import { locale } from "../language.js";
import { SeatMap } from "../map.js";
import { fullMoney, number, seatName, title } from "../words.js";
import { commandButton, outcomeBox, say, wrong } from "./asking.js";
import { t } from "./messages.js";

const ASK_AGAIN_MS = 3_000;
/** Hours of the chart. */
const HOURS = 24;
const TENDERS = ["cash", "invoice", "complimentary"];

export class Sales {
  #show;
  #call;
  #figures = h("div", { class: "sales-figures" });
  #live = h("span", { class: "badge", role: "status" }, t("loading"));
  #inventory = new Inventory();
  #map;
  #feed;
  #timer = 0;
  #chosen = new Set();
  #till = h("div", { class: "panel till", hidden: true });
  #outcome = outcomeBox();

  constructor({ panel, call, show, go }) {
    this.#show = show;
    this.#call = call;
    const paper = s("svg", { id: "map", role: "grid", "aria-label": t("map_hint") });
    const viewport = h("div", { class: "viewport", tabindex: "-1" }, h("div", { class: "sheet" }, paper));
    const tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" }, h("b"), h("span"));
    panel.append(
      h(
        "div",
        { class: "sales" },
        this.#figures,
        h(
          "section",
          { class: "seats", "aria-label": t("map") },
          h("div", { class: "toolbar" }, h("h2", null, t("map")), this.#live),
          h("p", { class: "hint" }, t("map_hint")),
          viewport,
          tip,
          this.#outcome,
          this.#till,
        ),
      ),
    );
    this.#map = new SeatMap(viewport, paper, tip);
    this.#map.addEventListener("pick", ({ detail }) => this.#toggle(detail));
    this.#inventory.addEventListener("loaded", () => this.#map.draw(show, [...this.#inventory.seats.values()]));
    this.#inventory.addEventListener("changed", ({ detail }) => {
      this.#map.paint(detail);
      for (const { seat } of detail) if (seat.state !== "available" && this.#chosen.delete(seat.seat)) this.#drawTill(go);
    });
    this.#feed = new Feed(show.id, this.#inventory);
    this.#feed.addEventListener("status", () => (this.#live.textContent = t(this.#feed.status === "live" ? "live" : "reconnecting")));
    this.#go = go;
    this.#ask();
  }

  #go;

  close() {
    clearTimeout(this.#timer);
    this.#feed.close();
    this.#map.close();
  }

  async #ask() {
    try {
      if (!document.hidden) this.#draw((await this.#call("GET", `/v1/shows/${encodeURIComponent(this.#show.id)}/sales`, { patience: 0 })).body);
    } catch (error) {
      if ([401, 403].includes(error.status)) redraw(this.#figures, h("p", { class: "notice" }, error.message));
    }
    this.#timer = setTimeout(() => this.#ask(), ASK_AGAIN_MS);
  }

  #draw({ seats, bookings, captured, refunded, by_hour: hours, by_category: categories, by_price_type: types, by_channel: channels, by_payment: payments }) {
    const percent = (count) => new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format((100 * count) / Math.max(1, seats.capacity));
    const figure = (name, value, more) => h("div", { class: "figure" }, h("span", null, name), h("b", null, value), more && h("span", null, more));
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
  }

  // --- The till -------------------------------------------------------------------------------------

  #toggle(seat) {
    if (!this.#chosen.delete(seat) && this.#inventory.state(seat) === "available") this.#chosen.add(seat);
    this.#drawTill(this.#go);
  }

  #drawTill(go) {
    const chosen = [...this.#chosen];
    this.#map.mark(chosen);
    this.#till.hidden = chosen.length === 0;
    if (chosen.length === 0) return;
    const tender = h("select", { name: "tender" }, TENDERS.map((name) => h("option", { value: name }, t(name))));
    const text = t("chosen", { count: chosen.length, seats: chosen.map(seatName).join(", ") });
    announce(text);
    redraw(
      this.#till,
      h("p", null, text),
      h(
        "div",
        { class: "toolbar" },
        h("label", { class: "field" }, t("tender"), tender),
        commandButton({
          name: "sell",
          text: t("sell", { count: chosen.length }),
          primary: true,
          outcome: this.#outcome,
          act: (key) => this.#sell(chosen, tender.value, key),
          done: (booking) => {
            this.#chosen.clear();
            this.#drawTill(go);
            say(this.#outcome, t("sold_at_till", { count: chosen.length, amount: fullMoney(booking.amount.value, booking.amount.currency) }), true);
            this.#outcome.append(" ", h("button", { type: "button", class: "plain", "data-act": "open", onclick: () => go({ tab: "bookings", booking: booking.id }) }, t("open_booking")));
          },
        }),
        h("button", { type: "button", class: "plain", onclick: () => (this.#chosen.clear(), this.#drawTill(go)) }, t("clear")),
      ),
    );
  }

  /** Holds the seats and records the payment. If that fails, the hold is given back: nobody is to wait for seats that nobody buys. */
  async #sell(seats, payment, key) {
    const show = encodeURIComponent(this.#show.id);
    const { body: held } = await this.#call("POST", `/v1/shows/${show}/bookings`, { key, body: { seats } });
    const path = `/v1/bookings/${held.id}`;
    try {
      return (await this.#call("POST", `${path}/payment`, { key: `${key}.payment`, body: { payment } })).body;
    } catch (error) {
      if (error.code !== undefined && error.status < 500) await this.#call("DELETE", path, { key: `${key}.cancel` }).catch((again) => say(this.#outcome, wrong(again)));
      throw error;
    }
  }
}

function table(caption, name, lines) {
  if (!lines?.length) return undefined;
  const amount = (value) => h("td", { class: "amount" }, value);
  return h(
    "div",
    { class: "scrolls", tabindex: "0", role: "region", "aria-label": caption },
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
            h("th", { scope: "row" }, title(line[name] ?? "–")),
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
