// The tickets of a booking on the whole screen, one at a time: swipe, press an arrow key or a button for the next. The screen stays on where the
// browser allows it.

import { byId, calm, h } from "../dom.js";
import { ticketFace } from "./face.js";
import { t } from "./messages.js";
import { placeOf } from "./names.js";

/** @typedef {import("./store.js").Card} Card */

export class Stage {
  /** @type {Card | undefined} */
  #card;
  #shown = "";
  #index = 0;
  #lock;
  #list = h("ul", { class: "faces", "aria-label": t("tickets") });
  #position = h("p", { class: "position", role: "status" });
  #light = h("p", { class: "light" }, t("bright"));
  #previous = h("button", { type: "button", "aria-label": t("previous"), data: { act: "previous" }, onclick: () => this.#go(this.#index - 1) }, "‹");
  #next = h("button", { type: "button", "aria-label": t("next"), data: { act: "next" }, onclick: () => this.#go(this.#index + 1) }, "›");
  #dialog = h(
    "dialog",
    { class: "stage", "aria-label": t("tickets") },
    h("div", { class: "bar" }, this.#position, h("button", { type: "button", data: { act: "close" }, onclick: () => this.#dialog.close() }, t("close"))),
    this.#list,
    h("div", { class: "bar" }, this.#previous, this.#light, this.#next),
  );

  constructor() {
    document.body.append(this.#dialog);
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
    this.#dialog.addEventListener("close", () => this.#closed());
    this.#list.addEventListener("scroll", () => this.#at(Math.round(this.#list.scrollLeft / this.#list.clientWidth)), { passive: true });
    // The browser takes the lock away with the page.
    document.addEventListener("visibilitychange", () => !document.hidden && this.#dialog.open && this.#keepAwake());
    window.addEventListener("resize", () => this.#dialog.open && this.#go(this.#index, "instant"));
  }

  /** @param {Card} card */
  open(card) {
    this.#card = card;
    this.#index = 0;
    this.#shown = "";
    this.#dialog.showModal();
    this.#draw();
    this.#focus();
    this.#keepAwake();
    // So that tickets are there on the evening, weeks later. Some browsers ask first: not people who just look in.
    navigator.storage?.persist?.().catch(() => undefined);
    // Nothing but the ticket; a large screen has space for both.
    if (window.matchMedia("(pointer: coarse)").matches) document.documentElement.requestFullscreen?.().catch(() => undefined);
  }

  /** The wallet has loaded its bookings again. @param {Map<string, Card>} cards */
  update(cards) {
    const card = this.#card && cards.get(this.#card.id);
    if (!card || !this.#dialog.open) return;
    this.#card = card;
    if (card.tickets.length === 0) this.#dialog.close();
    else this.#draw();
  }

  #draw() {
    const { tickets } = this.#card;
    const shown = JSON.stringify(tickets.map(({ ticket }) => ticket));
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#list.replaceChildren(...tickets.map((ticket) => h("li", { tabindex: "0" }, ticketFace(this.#card, ticket))));
    this.#go(Math.min(this.#index, tickets.length - 1), "instant");
    this.#at(this.#index, true);
  }

  /** @param {ScrollBehavior} [behavior] */
  #go(index, behavior = calm.matches ? "instant" : "smooth") {
    if (index < 0 || index >= this.#card.tickets.length) return;
    this.#list.scrollTo({ left: index * this.#list.clientWidth, behavior });
  }

  #at(index, first = false) {
    if (index === this.#index && !first) return;
    const { tickets } = this.#card;
    this.#index = index;
    this.#position.replaceChildren(t("ticket_of", { count: index + 1, total: tickets.length }), h("span", { class: "unseen" }, ` · ${placeOf(tickets[index])}`));
    const { activeElement } = document;
    this.#previous.disabled = index <= 0;
    this.#next.disabled = index >= tickets.length - 1;
    // A button that there is no more use for would lose the focus, and the keys with it.
    if (this.#list.contains(activeElement) || activeElement?.matches(":disabled")) this.#focus();
  }

  #key(event) {
    const to = { ArrowLeft: this.#index - 1, ArrowRight: this.#index + 1, PageUp: this.#index - 1, PageDown: this.#index + 1, Home: 0, End: this.#card.tickets.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#go(to);
  }

  /** The ticket that is shown has the focus, so that the keys scroll what does not fit. */
  #focus() {
    /** @type {HTMLElement} */ (this.#list.children[this.#index])?.focus({ preventScroll: true });
  }

  async #keepAwake() {
    try {
      this.#lock = await navigator.wakeLock.request("screen");
      this.#light.textContent = t("awake");
      if (!this.#dialog.open) this.#release();
    } catch {
      // An old browser, or a battery that is nearly empty.
      this.#light.textContent = t("bright");
    }
  }

  #release() {
    this.#lock?.release().catch(() => undefined);
    this.#lock = undefined;
  }

  #closed() {
    this.#release();
    if (document.fullscreenElement) document.exitFullscreen().catch(() => undefined);
    const opener = byId("lists").querySelector(`[data-key="show ${CSS.escape(this.#card.id)}"]`);
    opener?.focus({ preventScroll: true });
  }
}
