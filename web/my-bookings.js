// "My bookings": the list of the visitor's bookings, with a link to each that works in any browser.

import { Bookings } from "./bookings.js";
import { announce, byId, h, redraw } from "./dom.js";
import { t } from "./shop-messages.js";
import { fullMoney, placeNames, seats } from "./words.js";

export class MyBookings {
  #bookings;
  #open;
  #button = byId("my-bookings");
  #dialog = byId("bookings");
  #list = byId("booking-list");

  /** `open` shows one booking; it gets the entry. */
  constructor(bookings, open) {
    this.#bookings = bookings;
    this.#open = open;
    this.#button.addEventListener("click", () => {
      this.#dialog.showModal();
      bookings.refresh();
    });
    bookings.addEventListener("changed", () => this.#draw());
    this.#draw();
  }

  #draw() {
    const entries = this.#bookings.all;
    this.#button.hidden = entries.length === 0;
    this.#button.textContent = t("my_bookings_count", { count: entries.length });
    if (entries.length === 0 && this.#dialog.open) this.#dialog.close();
    redraw(this.#list, ...entries.map((entry) => this.#entry(entry)));
  }

  #entry(entry) {
    const { id, title, status, amount, currency } = entry;
    const count = entry.seats.length;
    const price = amount === undefined ? "" : ` · ${fullMoney(amount, currency)}`;
    return h(
      "li",
      { class: "entry", data: { booking: id, status } },
      h("div", { class: "head" }, h("h3", null, title), h("p", { class: "status" }, t.has(`status_${status}`) ? t(`status_${status}`) : status)),
      h("p", null, placeNames(entry.places ?? entry.seats).join(", ")),
      h("p", { class: "hint" }, `${seats(count)}${price}`),
      h(
        "div",
        { class: "buttons small" },
        h("button", { type: "button", data: { key: `open ${id}`, act: "open" }, onclick: () => this.#show(entry) }, t("open")),
        copyButton(entry),
        ["aborted", "refunded"].includes(status) &&
          h("button", { type: "button", class: "quiet", data: { key: `remove ${id}`, act: "remove" }, onclick: () => this.#bookings.remove(id) }, t("remove")),
      ),
    );
  }

  #show(entry) {
    this.#dialog.close();
    this.#open(entry);
  }
}

/** Copies the link of a booking, or shows it where the browser forbids the clipboard. */
export function copyButton(entry) {
  const copy = async () => {
    const link = Bookings.link(entry);
    try {
      await navigator.clipboard.writeText(link);
      button.textContent = t("copied");
      announce(t("copied_care"));
    } catch {
      // Browsers allow the clipboard on https and localhost only.
      const field = h("input", { class: "copy", readonly: true, value: link, "aria-label": t("link") });
      button.replaceWith(field);
      field.focus();
      field.select();
    }
  };
  const button = h("button", { type: "button", class: "quiet", data: { key: `copy ${entry.id}`, act: "copy", link: Bookings.link(entry) }, onclick: copy }, t("copy"));
  return button;
}
