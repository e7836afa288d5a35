// Draws the checkout. Every change redraws the whole panel, which is a few dozen elements; only the
// countdown is updated in between. It also keeps the keyboard focus in the panel and reads out the
// important steps: held, paying, paid, over.

import { announce, focusHeading, h, redraw } from "./dom.js";
import { copyButton } from "./my-bookings.js";
import { t as pay } from "./payment-messages.js";
import { t } from "./shop-messages.js";
import { Voucher } from "./voucher.js";
import { walletLink } from "./wallet/link.js";
import { countdown, duration, fullMoney, grouped, money, parts, placeNames, seatName, seats, timeOfDay, title } from "./words.js";

/** Test cards of the sandbox, by what they show; the second list is for the curious. */
const CARDS = [
  ["pm_card_visa", "Visa", "4242", "card_accepted"],
  ["pm_card_chargeDeclined", "Visa", "0002", "card_declined"],
  ["pm_card_chargeDeclinedInsufficientFunds", "Visa", "9995", "card_poor"],
  ["pm_card_authenticationRequired", "Visa", "3184", "card_asks"],
  ["pm_lastseat_slow", "Visa", "0003", "card_slow"],
];
const MORE_CARDS = [
  ["pm_card_mastercard", "Mastercard", "4444", "card_accepted"],
  ["pm_card_chargeDeclinedExpiredCard", "Visa", "0069", "card_expired"],
  ["pm_lastseat_answerLost", "Visa", "0007", "card_lost"],
  ["pm_lastseat_captureFails", "Visa", "0008", "card_refused"],
];

/** Seats of a booking that may have earned a reward. */
const GROUP = 3;

export class Panel {
  /** The last booking's card. */
  #scratch;
  #panel;
  #bank;
  #checkout;
  #show;
  #sale;
  #bookings;
  #card = CARDS[0][0];
  /** Whether the visitor closed the bank's dialog without an answer; a button opens it again. */
  #dismissed = false;
  #more = false;
  #phase;
  /** The control that lost the focus when it was disabled; it gets the focus back. */
  #lost;
  #announced;
  /** The gateway's own form. Without it, test cards. */
  #form;
  #voucher;

  constructor(panel, bank, checkout, sale, bookings, form) {
    this.#panel = panel;
    this.#bank = bank;
    this.#checkout = checkout;
    this.#show = sale.show;
    this.#sale = sale;
    this.#bookings = bookings;
    this.#form = form;
    this.#voucher = new Voucher(checkout);
    checkout.addEventListener("changed", () => this.#draw());
    form?.addEventListener("changed", () => this.#draw());
    sale.addEventListener("changed", () => this.#draw());
    setInterval(() => this.#tick(), 250);
    this.#ask();
    this.#draw();
    // On a phone the panel is a sheet over the end of the page, so the page leaves space for it.
    new ResizeObserver(() => document.documentElement.style.setProperty("--sheet", `${panel.offsetHeight}px`)).observe(panel);
  }

  #draw() {
    const { phase } = this.#checkout;
    const draw = {
      picking: () => this.#picking(),
      holding: () => this.#picking(),
      restoring: () => [h("h2", null, t("one_moment")), h("p", { class: "hint" }, t("looking"))],
      held: () => this.#held(),
      paying: () => this.#held(),
      action: () => this.#held(),
      confirmed: () => this.#ticket(),
      over: () => this.#over(t("over"), t("pick_again")),
      unknown: () => this.#over(t("not_shown"), t("pick_seats")),
    }[phase];
    this.#panel.dataset.phase = phase === "picking" && this.#checkout.picked.length === 0 ? "empty" : phase;
    this.#panel.toggleAttribute("aria-busy", this.#checkout.busy || phase === "holding");
    const key = this.#panel.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    redraw(this.#panel, ...draw());
    this.#tick();
    this.#form?.drawn();
    this.#keepFocus(key);
    this.#announce();
    this.#summon();
  }

  // --- Focus and screen readers -----------------------------------------------------------------

  #keepFocus(key) {
    const { phase } = this.#checkout;
    const onHeading = this.#panel.contains(document.activeElement) && document.activeElement.matches("h2");
    if (onHeading && key) this.#lost = key;
    if (!onHeading) this.#lost = undefined;
    const lost = this.#lost && this.#panel.querySelector(`[data-key="${CSS.escape(this.#lost)}"]`);
    if (lost && !lost.matches(":disabled")) {
      this.#lost = undefined;
      lost.focus({ preventScroll: true });
    }
    // The control that was used may be outside the panel, in a dialog or among the offers, and gone or
    // disabled by now. A page that was just opened keeps its focus.
    const { activeElement } = document;
    const nowhere = activeElement === document.body || activeElement?.matches(":disabled");
    const step = this.#phase !== undefined && this.#phase !== phase && this.#phase !== "restoring" && phase !== "picking";
    if (step && nowhere && !this.#bank.open) focusHeading(this.#panel);
    this.#phase = phase;
  }

  #announce() {
    const { booking, note, payment, phase } = this.#checkout;
    const places = () => placeNames(booking.seats).join(", ");
    const steps = {
      held: () => t("held_until", { count: booking.seats.length, time: timeOfDay(booking.expires_at), places: places() }),
      paying: () => (this.#opening ? t("one_moment") : pay("paying_spoken")),
      action: () => pay(payment.inForm ? "details_spoken" : "bank_spoken"),
      confirmed: () => t("booked_places", { places: places() }),
    };
    const sentences = [steps[phase]?.(), note?.tone !== "bad" && note?.text].filter(Boolean);
    const text = sentences.join(" ");
    // A redraw without news is not read out again. Bad news is an alert of its own.
    if (text && text !== this.#announced) announce(text);
    this.#announced = text;
  }

  // --- Picking ----------------------------------------------------------------------------------

  #picking() {
    const { picked, phase, total, fees, most } = this.#checkout;
    const holding = phase === "holding";
    if (picked.length === 0) {
      const none = this.#sale.onSale && this.#checkout.full;
      return [
        h("h2", null, t(holding ? "finding" : none ? "none_free" : this.#sale.onSale ? "pick" : "off_sale")),
        this.#note(),
        this.#sale.onSale && !none && h("p", { class: "hint" }, t("pick_hint", { count: most, time: duration(this.#show.hold_seconds) })),
      ];
    }
    const chips = picked.map((label) =>
      h(
        "li",
        { class: "chip", data: { chip: label } },
        this.#chipName(this.#checkout.named(label)),
        this.#priceTypes(label, holding),
        h("button", { type: "button", class: "drop", "aria-label": t("leave_out", { seat: seatName(this.#checkout.named(label)) }), disabled: holding, data: { key: `drop ${label}` }, onclick: () => this.#checkout.drop(label) }, "×"),
      ),
    );
    return [
      h("div", { class: "head" }, h("h2", null, seats(picked.length)), h("p", { class: "sum" }, money(total))),
      h("ul", { class: "chips", "aria-label": t("chosen_seats") }, chips),
      fees > 0 && h("p", { class: "hint" }, t("fees_included", { amount: money(fees) })),
      this.#note(),
      h(
        "div",
        { class: "buttons" },
        h(
          "button",
          { type: "button", class: "primary", disabled: holding || !this.#sale.onSale, data: { key: "hold", act: "hold" }, onclick: () => this.#checkout.hold() },
          holding ? t("holding") : this.#sale.onSale ? t("hold", { count: picked.length }) : t("off_sale"),
        ),
        h("button", { type: "button", class: "quiet", disabled: holding, data: { key: "clear" }, onclick: () => this.#checkout.clear() }, t("clear")),
      ),
    ];
  }

  /** Where a seat has several prices, the visitor chooses one. */
  #priceTypes(label, disabled) {
    const { types, chosen } = this.#checkout.priceTypes(label);
    if (types.length === 0) return undefined;
    const options = types.map(({ price_type, price }) =>
      h("option", { value: price_type, selected: price_type === chosen }, `${title(price_type)} ${money(price)}`),
    );
    const choose = (event) => this.#checkout.choosePriceType(label, event.target.value);
    return h("select", { class: "price-type", "aria-label": t("price_of", { seat: seatName(this.#checkout.named(label)) }), disabled, data: { key: `price ${label}` }, onchange: choose }, options);
  }

  // --- Holding and paying -----------------------------------------------------------------------

  #held() {
    const { booking, phase, busy, payment } = this.#checkout;
    const paying = phase === "paying";
    const still = busy || paying || payment.confirming;
    return [
      h("div", { class: "head" }, h("h2", null, paying ? this.#payingTitle : t("held", { count: booking.seats.length })), h("p", { class: "sum" }, booking.amount ? money(booking.amount.value) : "")),
      this.#clock(paying),
      h("ul", { class: "chips", "aria-label": t("held_seats") }, this.#bookedChips()),
      this.#sums(booking),
      this.#voucher.parts(still, this.#note("voucher")),
      this.#pay(still, paying),
      h(
        "div",
        { class: "buttons small" },
        (booking.extendable || booking.extended) &&
          h("button", { type: "button", class: "quiet", disabled: still || booking.extended, data: { key: "extend", act: "extend" }, onclick: () => this.#checkout.extend() }, t(booking.extended ? "extended" : "extend")),
        h("button", { type: "button", class: "quiet", disabled: still, data: { key: "cancel", act: "cancel" }, onclick: () => this.#checkout.cancel() }, t("give_back")),
      ),
    ];
  }

  /** What the amount consists of, if it is not the prices alone. */
  #sums({ subtotal, fees, discount, amount }) {
    if (!subtotal) return undefined;
    const lines = [["prices", subtotal.value], ["fees", fees?.value], ["voucher", discount && -discount.value], ["total", amount.value]];
    const shown = lines.filter(([, value]) => value !== undefined);
    return h("dl", { class: "sums", "aria-label": pay("sums") }, shown.map(([name, value]) => h("div", { data: { sum: name } }, h("dt", null, pay(`sum_${name}`)), h("dd", null, fullMoney(value)))));
  }

  /** The gateway's form is not a payment yet while it opens. */
  get #opening() {
    return this.#form && !this.#checkout.payment.secret;
  }

  get #payingTitle() {
    return this.#opening ? t("one_moment") : pay("paying");
  }

  #pay(still, paying) {
    const { phase, payment } = this.#checkout;
    if (phase === "action" && !payment.inForm) return [this.#note(), this.#atTheBank(still)];
    return this.#form ? this.#form.parts(this.#note(), still) : this.#cards(still, paying);
  }

  #clock(paying) {
    return h(
      "div",
      { class: "clock" },
      h("p", null, paying ? t("while_bank") : [`${t("yours_for")} `, h("strong", { class: "left", role: "timer" }, ""), t("yours_until", { time: timeOfDay(this.#checkout.booking.expires_at) })]),
      h("div", { class: paying ? "bar endless" : "bar" }, h("i")),
    );
  }

  #cards(still, paying) {
    const { value } = this.#checkout.booking.amount;
    const cards = CARDS.map((card) => this.#cardChoice(card));
    const more = MORE_CARDS.map((card) => this.#cardChoice(card));
    return h(
      "form",
      {
        class: "cards",
        onsubmit: (event) => {
          event.preventDefault();
          this.#checkout.payment.pay(this.#card);
        },
      },
      h(
        "fieldset",
        { disabled: still },
        h("legend", null, pay("test_card")),
        cards,
        h("details", { open: this.#more, ontoggle: (event) => (this.#more = event.target.open) }, h("summary", { data: { key: "more" } }, pay("more_cards")), more),
      ),
      this.#note(),
      h("button", { class: "primary", disabled: still, data: { key: "pay", act: "pay" } }, paying ? pay("waiting") : value === 0 ? pay("book") : pay("pay", { amount: money(value) })),
    );
  }

  /** @param {string[]} card */
  #cardChoice([method, name, digits, what]) {
    const choose = () => (this.#card = method);
    return h(
      "label",
      { class: "card" },
      h("input", { type: "radio", name: "card", value: method, checked: method === this.#card, data: { key: method }, onchange: choose }),
      h("span", null, name, " ", h("span", { class: "digits" }, `•••• ${digits}`)),
      h("span", { class: "what" }, pay(what)),
    );
  }

  #atTheBank(still) {
    const { intent, bankUrl } = this.#checkout.payment;
    if (intent) {
      return h("button", { type: "button", class: "primary", disabled: still, data: { key: "bank", act: "bank" }, onclick: () => this.#open() }, pay("at_bank"));
    }
    if (!bankUrl) return h("p", { class: "note bad", role: "alert" }, pay("unsafe_bank"));
    return h(
      "div",
      { class: "buttons" },
      h("a", { class: "primary", href: bankUrl, target: "_blank", rel: "noopener" }, pay("to_bank")),
      h("button", { type: "button", disabled: still, data: { key: "went" }, onclick: () => this.#checkout.payment.pay() }, pay("was_at_bank")),
    );
  }

  /** The dialog that replaces the bank's own page. */
  #ask() {
    this.#bank.addEventListener("close", () => {
      const outcome = this.#bank.returnValue;
      this.#dismissed = this.#checkout.phase === "action";
      if (outcome === "succeeded" || outcome === "failed") this.#checkout.payment.answerBank(outcome);
      else this.#panel.querySelector("[data-key=bank]")?.focus({ preventScroll: true });
    });
  }

  #summon() {
    const { phase, payment } = this.#checkout;
    if (phase === "action" && payment.intent && !this.#dismissed) this.#open();
    if (phase === "action") return;
    this.#dismissed = false;
    if (this.#bank.open) this.#bank.close("");
  }

  #open() {
    if (this.#bank.open) return;
    this.#bank.querySelector(".amount").textContent = fullMoney(this.#checkout.booking.amount.value);
    this.#bank.returnValue = "";
    this.#bank.showModal();
  }

  // --- Endings ----------------------------------------------------------------------------------

  /** The scratch card of a group's booking: made once, and drawn again as it is. */
  #reward({ id, seats: own }, token) {
    if (own.length < GROUP || !token) return undefined;
    if (this.#scratch?.id !== id) this.#loadScratchCard(id, token);
    return this.#scratch.card;
  }

  async #loadScratchCard(id, token) {
    const scratch = { id, card: h("section", { hidden: true }) };
    this.#scratch = scratch;
    try {
      const { scratchCard } = await import("./scratch.js");
      const card = scratchCard(id, token);
      scratch.card.replaceWith(card);
      scratch.card = card;
    } catch {
      // The booking is paid all the same; its card comes with the next visit.
    }
  }

  #ticket() {
    const { booking } = this.#checkout;
    const entry = this.#bookings.entry(booking.id);
    return [
      h(
        "div",
        { class: "ticket" },
        h("p", { class: "eyebrow" }, t("booked")),
        h("h2", null, this.#show.title),
        h("ul", { class: "chips", "aria-label": t("booked_seats") }, this.#bookedChips()),
        h("p", { class: "paid" }, `${seats(booking.seats.length)} · ${money(booking.amount.value)}`),
        h("div", { class: "stub" }, h("span", null, t("booking")), h("code", null, booking.id)),
      ),
      this.#reward(booking, entry?.token),
      this.#note(),
      h("p", { class: "hint" }, t("ticket_hint")),
      h(
        "div",
        { class: "buttons" },
        walletLink(booking.id),
        h("button", { type: "button", data: { key: "again", act: "again" }, onclick: () => this.#checkout.again() }, t("pick_more")),
        entry && h("button", { type: "button", data: { key: `tickets ${entry.id}`, act: "tickets" }, onclick: (event) => saveTickets(event.currentTarget, entry) }, t("download")),
        entry && copyButton(entry),
      ),
    ];
  }

  #over(heading, next) {
    return [
      h("h2", null, heading),
      this.#note(),
      h("button", { type: "button", class: "primary", data: { key: "again", act: "again" }, onclick: () => this.#checkout.again() }, next),
    ];
  }

  // --- Parts ------------------------------------------------------------------------------------

  #bookedChips() {
    const { seats: labelled, areas } = grouped(this.#checkout.booking.seats);
    return [...labelled.map((seat) => this.#chipName(seat)), ...areas].map((name) => h("li", { class: "chip" }, name));
  }

  #chipName(seat) {
    const { section, row, number } = parts(seat);
    const shown = section && !this.#checkout.hasOneSection;
    return row ? [shown && h("span", { class: "section" }, `${section} `), h("b", null, row), ` ${number}`] : number;
  }

  #note(about) {
    const { note } = this.#checkout;
    return note?.text && note.about === about && h("p", { class: `note ${note.tone}`, role: note.tone === "bad" && "alert" }, note.text);
  }

  #tick() {
    const left = this.#panel.querySelector(".left");
    if (!left) return;
    const ms = this.#checkout.left;
    left.textContent = countdown(ms);
    // Extending adds the hold time once more; the bar is full until the last hold time begins.
    const part = ms / (this.#show.hold_seconds * 1000);
    this.#panel.querySelector(".bar i").style.width = `${Math.min(100, Math.max(0, part * 100))}%`;
    this.#panel.querySelector(".clock").classList.toggle("urgent", ms < 30_000);
  }
}

async function saveTickets(button, entry) {
  try {
    (await import("./tickets.js")).saveTickets(button, entry);
  } catch {
    button.textContent = t("not_downloaded");
    announce(button.textContent);
  }
}
