// One booking in the wallet: what it is, and what its buyer can do with it.

import { serverNow } from "../api.js";
import { h, redraw } from "../dom.js";
import { scratchCard } from "../scratch.js";
import { countdown, fullMoney, placeNames } from "../words.js";
import { Commands } from "./commands.js";
import { holdParts } from "./hold.js";
import { t } from "./messages.js";
import { moreMenu } from "./more.js";
import { dateOf, doorsOf, explanation, groupOf, loadedAt, stateOf } from "./names.js";

/** @typedef {import("./store.js").Card} Card */

const GROUP = 3;
const TONE = { confirmed: "good", held: "bad", paying: "bad", action_required: "bad" };

export class BookingCard {
  element = h("li", { class: "wallet-card" });
  #wallet;
  #stage;
  #print;
  /** @type {Card} */
  #card;
  #drawn = "";
  /** Whether the menu is open, and what is being typed: a card that is drawn again has both. */
  #menu = { open: false };
  #typed = { voucher: "", account: "" };
  #scratch;
  #clock;
  #loaded = h("p", { class: "hint loaded" });
  #commands = new Commands(() => this.#draw());

  /** @param {import("./loader.js").Wallet} wallet @param {import("./stage.js").Stage} stage @param {(card: Card) => void} print */
  constructor(wallet, stage, print) {
    this.#wallet = wallet;
    this.#stage = stage;
    this.#print = print;
  }

  /** Draws the card again if there is anything new. @param {Card} card */
  update(card) {
    this.#card = card;
    const { online, session } = this.#wallet;
    this.#loaded.textContent = card.at > 0 ? loadedAt(card.at) : "";
    // A form that is being filled in, and a card that is being scratched, are left alone.
    const news = { ...card, at: 0, tickets: card.tickets.map(({ ticket }) => ticket) };
    const drawn = JSON.stringify([news, online, session?.id, groupOf(card)]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    this.#draw();
  }

  /** Milliseconds until the hold ends; undefined if there is none. */
  get left() {
    const { booking } = this.#card;
    return stateOf(this.#card) === "held" || stateOf(this.#card) === "action_required" ? Date.parse(booking.expires_at) - serverNow() : undefined;
  }

  /** Each second. */
  tick() {
    if (this.left === undefined || !this.#clock) return;
    this.#clock.textContent = this.left > 0 ? t("time_left", { time: countdown(this.left) }) : t("time_out");
    this.#clock.classList.toggle("urgent", this.left < 60_000);
  }

  #draw() {
    const card = this.#card;
    const { booking, show } = card;
    const state = stateOf(card);
    const why = explanation(card);
    this.element.dataset.booking = card.id;
    if (this.element.dataset.state !== undefined && this.element.dataset.state !== state && groupOf(card) === "earlier") this.element.dataset.ended = "";
    this.element.dataset.state = state;
    this.element.toggleAttribute("aria-busy", this.#commands.busy);
    redraw(
      this.element,
      h("div", { class: "head" }, h("h3", null, show?.title ?? booking.show), h("p", { class: `badge ${TONE[state] ?? ""}` }, t(`state_${state}`))),
      show?.starts_at && h("p", { class: "when" }, dateOf(show.starts_at, show.timezone)),
      (show?.venue || show?.doors_at) && h("p", null, [show.venue, show.doors_at && `${t("doors")} ${doorsOf(show)}`].filter(Boolean).join(" · ")),
      h("ul", { class: "places", "aria-label": t("seats", { count: booking.seats.length }) }, placeNames(booking.seats).map((name) => h("li", null, name))),
      h("p", { class: "price" }, `${t("seats", { count: booking.seats.length })}${booking.amount ? ` · ${fullMoney(booking.amount.value, booking.amount.currency)}` : ""}`),
      booking.refunded?.value > 0 && state === "confirmed" && h("p", null, t("given_back", { amount: fullMoney(booking.refunded.value, booking.refunded.currency) })),
      why && h("p", { class: "notice" }, why),
      this.#hold(),
      this.#tickets(),
      this.#reward(),
      this.#commands.outcome,
      moreMenu({ card, wallet: this.#wallet, commands: this.#commands, menu: this.#menu, typed: this.#typed }),
      h("p", { class: "hint" }, `${t("number")} `, h("code", null, card.id)),
      this.#loaded,
    );
    this.tick();
  }

  #hold() {
    this.#clock = undefined;
    if (groupOf(this.#card) !== "pending") return undefined;
    this.#clock = h("span", { class: "left", role: "timer" });
    return holdParts({ card: this.#card, wallet: this.#wallet, commands: this.#commands, clock: this.#clock, typed: this.#typed });
  }

  #tickets() {
    const card = this.#card;
    const { tickets } = card;
    if (stateOf(card) !== "confirmed") return undefined;
    if (tickets.length === 0) return h("p", { class: "notice" }, t("not_loaded"));
    return h(
      "div",
      { class: "toolbar" },
      h("button", { type: "button", class: "primary", data: { key: `show ${card.id}`, act: "show" }, onclick: () => this.#stage.open(this.#card) }, t("show_tickets", { count: tickets.length })),
      h("button", { type: "button", data: { key: `print ${card.id}`, act: "print" }, onclick: () => this.#print(this.#card) }, t("print")),
    );
  }

  /** The scratch card of a group: made once, and drawn again as it is. */
  #reward() {
    const card = this.#card;
    if (stateOf(card) !== "confirmed" || card.booking.seats.length < GROUP || !card.vouchers.some(({ cause, state }) => cause === "booking" && state !== "revoked")) return undefined;
    this.#scratch ??= scratchCard(card.id, this.#wallet.tokenOf(card));
    return this.#scratch;
  }
}
