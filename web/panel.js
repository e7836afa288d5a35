// Draws the checkout. Every change of it draws the whole panel anew, which is a few dozen elements;
// only the countdown lives between two drawings.

import { h, redraw } from "./dom.js";
import { countdown, duration, money, parts, seatName, seats, timeOfDay, title } from "./words.js";

/** Test cards of the sandbox, by what they show; the second list is for the curious. */
const CARDS = [
  ["pm_card_visa", "Visa", "4242", "is accepted"],
  ["pm_card_chargeDeclined", "Visa", "0002", "is declined"],
  ["pm_card_chargeDeclinedInsufficientFunds", "Visa", "9995", "has no money"],
  ["pm_card_authenticationRequired", "Visa", "3184", "the bank asks first"],
  ["pm_lastseat_slow", "Visa", "0003", "the bank is slow"],
];
const MORE_CARDS = [
  ["pm_card_mastercard", "Mastercard", "4444", "is accepted"],
  ["pm_card_chargeDeclinedExpiredCard", "Visa", "0069", "has expired"],
  ["pm_lastseat_answerLost", "Visa", "0007", "the answer gets lost"],
  ["pm_lastseat_captureFails", "Visa", "0008", "approved, then not"],
];

export class Panel {
  #panel;
  #bank;
  #checkout;
  #show;
  #card = CARDS[0][0];
  /** Whether the bank's question was put off; it waits behind a button then. */
  #dismissed = false;
  #more = false;

  constructor(panel, bank, checkout, show) {
    this.#panel = panel;
    this.#bank = bank;
    this.#checkout = checkout;
    this.#show = show;
    checkout.addEventListener("changed", () => this.#draw());
    setInterval(() => this.#tick(), 250);
    this.#ask();
    this.#draw();
    // On a phone the panel is a sheet over the page's end, which has to leave it room.
    new ResizeObserver(() => document.documentElement.style.setProperty("--sheet", `${panel.offsetHeight}px`)).observe(panel);
  }

  #draw() {
    const { phase } = this.#checkout;
    const draw = {
      picking: () => this.#picking(),
      holding: () => this.#picking(),
      restoring: () => [h("h2", null, "One moment…"), h("p", { class: "hint" }, "Looking for your seats.")],
      held: () => this.#held(),
      paying: () => this.#held(),
      action: () => this.#held(),
      confirmed: () => this.#ticket(),
      over: () => this.#over(),
    }[phase];
    this.#panel.dataset.phase = phase === "picking" && this.#checkout.picked.length === 0 ? "empty" : phase;
    this.#panel.toggleAttribute("aria-busy", this.#checkout.busy || phase === "holding");
    redraw(this.#panel, ...draw());
    this.#tick();
    this.#summon();
  }

  // --- Picking ----------------------------------------------------------------------------------

  #picking() {
    const { picked, phase, total, most } = this.#checkout;
    const holding = phase === "holding";
    if (picked.length === 0) {
      return [
        h("h2", null, holding ? "Finding seats…" : "Pick your seats"),
        this.#note(),
        h("p", { class: "hint" }, `Choose up to ${most} on the map. Nothing is yours until you hold it, and then for ${duration(this.#show.hold_seconds)}.`),
      ];
    }
    const chips = picked.map((label) =>
      h(
        "li",
        { class: "chip", data: { chip: label } },
        chipName(label),
        h("button", { type: "button", class: "drop", "aria-label": `Leave out ${seatName(label)}`, disabled: holding, data: { key: `drop ${label}` }, onclick: () => this.#checkout.drop(label) }, "×"),
      ),
    );
    return [
      h("div", { class: "head" }, h("h2", null, seats(picked.length)), h("p", { class: "sum" }, money(total))),
      h("ul", { class: "chips", "aria-label": "Chosen seats" }, chips),
      this.#note(),
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", class: "primary", disabled: holding, data: { key: "hold", act: "hold" }, onclick: () => this.#checkout.hold() }, holding ? "Holding…" : `Hold ${seats(picked.length)}`),
        h("button", { type: "button", class: "quiet", disabled: holding, data: { key: "clear" }, onclick: () => this.#checkout.clear() }, "Clear"),
      ),
    ];
  }

  // --- Holding and paying -----------------------------------------------------------------------

  #held() {
    const { booking, phase, busy } = this.#checkout;
    const paying = phase === "paying";
    const still = busy || paying;
    return [
      h("div", { class: "head" }, h("h2", null, paying ? "Paying…" : `${seats(booking.seats.length)} held for you`), h("p", { class: "sum" }, booking.amount ? money(booking.amount.value) : "")),
      this.#clock(paying),
      h("ul", { class: "chips", "aria-label": "Held seats" }, this.#bookedChips()),
      phase === "action" ? [this.#note(), this.#atTheBank(still)] : this.#cards(still, paying),
      h(
        "div",
        { class: "buttons small" },
        h("button", { type: "button", class: "quiet", disabled: still || booking.extended, data: { key: "extend", act: "extend" }, onclick: () => this.#checkout.extend() }, booking.extended ? "Extended once" : "I need more time"),
        h("button", { type: "button", class: "quiet", disabled: still, data: { key: "cancel", act: "cancel" }, onclick: () => this.#checkout.cancel() }, "Give the seats back"),
      ),
    ];
  }

  #clock(paying) {
    return h(
      "div",
      { class: "clock" },
      h("p", null, paying ? "Your seats stay yours while the bank answers." : ["Yours for ", h("strong", { class: "left", role: "timer" }, ""), `, until ${timeOfDay(this.#checkout.booking.expires_at)}`]),
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
          this.#checkout.pay(this.#card);
        },
      },
      h(
        "fieldset",
        { disabled: still },
        h("legend", null, "Pay with a test card"),
        cards,
        h("details", { open: this.#more, ontoggle: (event) => (this.#more = event.target.open) }, h("summary", { data: { key: "more" } }, "More test cards"), more),
      ),
      this.#note(),
      h("button", { class: "primary", disabled: still, data: { key: "pay", act: "pay" } }, paying ? "Waiting for the bank…" : value === 0 ? "Book" : `Pay ${money(value)}`),
    );
  }

  #cardChoice([method, name, digits, what]) {
    const choose = () => (this.#card = method);
    return h(
      "label",
      { class: "card" },
      h("input", { type: "radio", name: "card", value: method, checked: method === this.#card, data: { key: method }, onchange: choose }),
      h("span", null, name, " ", h("span", { class: "digits" }, `•••• ${digits}`)),
      h("span", { class: "what" }, what),
    );
  }

  #atTheBank(still) {
    const { intent, booking } = this.#checkout;
    if (intent) {
      return h("button", { type: "button", class: "primary", disabled: still, data: { key: "bank", act: "bank" }, onclick: () => this.#open() }, "Your bank asks you something");
    }
    return h(
      "div",
      { class: "buttons" },
      h("a", { class: "primary", href: booking.next_action?.url, target: "_blank", rel: "noopener" }, "Go to your bank"),
      h("button", { type: "button", disabled: still, data: { key: "went" }, onclick: () => this.#checkout.pay() }, "I have confirmed it there"),
    );
  }

  /** The bank's own page, played by a dialog. */
  #ask() {
    this.#bank.addEventListener("close", () => {
      const outcome = this.#bank.returnValue;
      this.#dismissed = this.#checkout.phase === "action";
      if (outcome === "succeeded" || outcome === "failed") this.#checkout.answerBank(outcome);
    });
  }

  #summon() {
    const { phase, intent } = this.#checkout;
    if (phase === "action" && intent && !this.#dismissed) this.#open();
    if (phase === "action") return;
    this.#dismissed = false;
    if (this.#bank.open) this.#bank.close("");
  }

  #open() {
    if (this.#bank.open) return;
    this.#bank.querySelector(".amount").textContent = money(this.#checkout.booking.amount.value);
    this.#bank.returnValue = "";
    this.#bank.showModal();
  }

  // --- Endings ----------------------------------------------------------------------------------

  #ticket() {
    const { booking } = this.#checkout;
    return [
      h(
        "div",
        { class: "ticket" },
        h("p", { class: "eyebrow" }, "Booked and paid"),
        h("h2", null, this.#show.title),
        h("ul", { class: "chips", "aria-label": "Booked seats" }, this.#bookedChips()),
        h("p", { class: "paid" }, `${seats(booking.seats.length)} · ${money(booking.amount.value)}`),
        h("div", { class: "stub" }, h("span", null, "Booking"), h("code", null, booking.id)),
      ),
      this.#note(),
      h("button", { type: "button", class: "quiet", data: { key: "again", act: "again" }, onclick: () => this.#checkout.again() }, "Pick more seats"),
    ];
  }

  #over() {
    return [
      h("h2", null, "The booking is over"),
      this.#note(),
      h("button", { type: "button", class: "primary", data: { key: "again", act: "again" }, onclick: () => this.#checkout.again() }, "Pick seats again"),
    ];
  }

  // --- Parts ------------------------------------------------------------------------------------

  #bookedChips() {
    const labels = this.#checkout.booking.seats.map(({ seat }) => seat).sort(byNumber);
    const places = new Map();
    for (const label of labels.filter((label) => label.includes(":"))) {
      const area = label.slice(0, label.indexOf(":"));
      places.set(area, (places.get(area) ?? 0) + 1);
    }
    return [
      ...labels.filter((label) => !label.includes(":")).map((label) => h("li", { class: "chip" }, chipName(label))),
      ...[...places].map(([area, count]) => h("li", { class: "chip" }, `${title(area)} × ${count}`)),
    ];
  }

  #note() {
    const { note } = this.#checkout;
    return note && h("p", { class: `note ${note.tone}`, role: note.tone === "bad" ? "alert" : "status" }, note.text);
  }

  #tick() {
    const left = this.#panel.querySelector(".left");
    if (!left) return;
    const ms = this.#checkout.left;
    left.textContent = countdown(ms);
    // Extending adds as long again, so the bar fills up again and then stands for the last stretch.
    const part = ms / (this.#show.hold_seconds * 1000);
    this.#panel.querySelector(".bar i").style.width = `${Math.min(100, Math.max(0, part * 100))}%`;
    this.#panel.querySelector(".clock").classList.toggle("urgent", ms < 30_000);
  }
}

// A-9 before A-10.
const byNumber = new Intl.Collator(undefined, { numeric: true }).compare;

function chipName(label) {
  const { row, number } = parts(label);
  return row ? [h("b", null, row), ` ${number}`] : label;
}
