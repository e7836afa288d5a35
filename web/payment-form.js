// Pays through the gateway's own form: Stripe's Payment Element. Stripe's script draws it in frames of
// its own, so that no card number reaches this page or its server.
//
// The form only says what the visitor and Stripe did. Whether the booking is paid, the server finds out
// from Stripe itself. The client secret stays in memory: it goes to no storage, no address and no log.
//
// A frame that leaves the document loses what was typed. So the panel keeps `element` in its place while
// it draws everything around it.

import { calm, h } from "./dom.js";
import { language } from "./language.js";
import { t } from "./payment-messages.js";
import { fullMoney, money, timeOfDay } from "./words.js";

/** Stripe wants its script loaded from here and from nowhere else. The path has the version. */
const SCRIPT = "https://js.stripe.com/endive/stripe.js";
const PATIENCE_MS = 20_000;

const dark = window.matchMedia("(prefers-color-scheme: dark)");

export class PaymentForm extends EventTarget {
  /** A child of the panel while there is something to pay. */
  element;

  #key;
  #checkout;
  #frames;
  /** `closed`, `loading`, `ready` or `failed`. */
  #state;
  #secret;
  #stripe;
  #elements;
  #payment;
  /** Whether the visitor has just asked for the form: then it gets the focus. */
  #wanted = false;

  /** `key` is the publishable key. */
  constructor(key, checkout) {
    super();
    this.#key = key;
    this.#checkout = checkout;
    this.#frames = h("div");
    this.element = h(
      "form",
      { id: "payment-form", class: "payment", "aria-labelledby": "payment-heading", onsubmit: (event) => this.#submit(event) },
      h("h3", { id: "payment-heading", tabindex: "-1" }, t("details")),
      h("p", { class: "hint" }, t("form_loading")),
      this.#frames,
    );
    this.#become("closed");
    dark.addEventListener("change", () => this.#elements?.update({ appearance: appearance() }));
    // Back from the bank by the browser's button: the page is as it was left, in the middle of paying.
    window.addEventListener("pageshow", ({ persisted }) => persisted && this.#secret && location.reload());
  }

  // --- Drawing ----------------------------------------------------------------------------------

  /** What the panel shows. `note` is the last message to the visitor. */
  parts(note, still) {
    const { booking, payment, phase } = this.#checkout;
    const { secret } = payment;
    if (!secret) return [note, this.#opener(booking.amount.value, phase, still)];
    if (this.#state === "failed") {
      const retry = () => this.#open(secret);
      return [
        this.element,
        note,
        h("p", { class: "note bad", role: "alert" }, t("form_failed", { time: timeOfDay(booking.expires_at) })),
        h("button", { type: "button", class: "primary", disabled: still, data: { key: "confirm", act: "retry" }, onclick: retry }, t("form_again")),
      ];
    }
    return [this.element, note, this.#payer(booking.amount.value, phase, still)];
  }

  #opener(amount, phase, still) {
    const open = () => {
      this.#wanted = true;
      // A booking that costs nothing needs no form; the server asks no gateway for it.
      if (amount === 0) this.#checkout.payment.pay("free");
      else this.#checkout.payment.openForm();
    };
    const label = phase === "paying" ? t("opening") : phase === "action" ? t("form_open") : amount === 0 ? t("book") : t("pay", { amount: money(amount) });
    return h("button", { type: "button", class: "primary", disabled: still, data: { key: "pay", act: "pay" }, onclick: open }, label);
  }

  #payer(amount, phase, still) {
    const label = phase === "paying" ? t("waiting") : this.#checkout.payment.confirming ? t("confirming") : t("pay", { amount: fullMoney(amount) });
    const disabled = still || this.#state !== "ready";
    return h("button", { class: "primary", form: "payment-form", disabled, data: { key: "confirm", act: "confirm" } }, label);
  }

  /** Called when the panel is drawn: `element` has its place by now. */
  drawn() {
    const { phase } = this.#checkout;
    const { secret } = this.#checkout.payment;
    if (secret !== this.#secret) secret ? this.#open(secret) : this.#close();
    // While the server asks the gateway, there is nothing to fill in.
    this.element.toggleAttribute("inert", phase === "paying");
    if (phase !== "action" || !secret || !this.#wanted) return;
    this.#wanted = false;
    this.element.querySelector("h3").focus({ preventScroll: true });
  }

  // --- Stripe's element -------------------------------------------------------------------------

  async #open(secret) {
    this.#unmount();
    this.#secret = secret;
    this.#become("loading");
    try {
      const Stripe = await loadScript();
      // Meanwhile the hold may have ended.
      if (this.#secret !== secret) return;
      this.#stripe ??= Stripe(this.#key, { locale: language });
      this.#elements = this.#stripe.elements({ clientSecret: secret, appearance: appearance() });
      // Link would need more of Stripe's addresses in this page's policy.
      const payment = this.#elements.create("payment", { wallets: { link: "never" } });
      this.#payment = payment;
      payment.on("ready", () => this.#payment === payment && this.#become("ready"));
      payment.on("loaderror", () => this.#payment === payment && this.#become("failed"));
      payment.mount(this.#frames);
    } catch {
      if (this.#secret === secret) this.#become("failed");
    }
  }

  #close() {
    this.#unmount();
    this.#become("closed");
  }

  #unmount() {
    this.#payment?.destroy();
    this.#payment = undefined;
    this.#elements = undefined;
    this.#secret = undefined;
  }

  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.element.hidden = state === "closed" || state === "failed";
    this.element.querySelector(".hint").hidden = state !== "loading";
    this.dispatchEvent(new Event("changed"));
  }

  #submit(event) {
    event.preventDefault();
    if (this.#state === "ready") this.#checkout.payment.confirm(() => this.#confirm());
  }

  /**
   * Lets Stripe confirm the payment, and the bank ask its question. Returns what Stripe said:
   * `{ done: true }`, `{ refused: <its error> }` for something that the visitor can change, or `{}` if
   * only the server can find out. A bank with a page of its own leads back to the checkout's address.
   */
  async #confirm() {
    const elements = this.#elements;
    const confirmParams = { return_url: this.#checkout.payment.returnUrl };
    try {
      const checked = await elements.submit();
      if (checked.error) return { refused: checked.error };
      const { error } = await this.#stripe.confirmPayment({ elements, confirmParams, redirect: "if_required" });
      if (!error) return { done: true };
      const refused = ["card_error", "validation_error"].includes(error.type) || error.code === "payment_intent_authentication_failure";
      return refused ? { refused: error } : {};
    } catch {
      return {};
    }
  }
}

let script;

/** Loads Stripe's script once. After a failure the next call tries again. */
function loadScript() {
  script ??= new Promise((resolve, reject) => {
    const element = h("script", { src: SCRIPT });
    const fail = () => {
      clearTimeout(patience);
      script = undefined;
      element.remove();
      reject(new Error("Stripe's script can't be loaded."));
    };
    const patience = setTimeout(fail, PATIENCE_MS);
    element.addEventListener("error", fail);
    element.addEventListener("load", () => {
      if (typeof window.Stripe !== "function") return fail();
      clearTimeout(patience);
      resolve(window.Stripe);
    });
    document.head.append(element);
  });
  return script;
}

/** The colours of this page, as it shows them now. */
function appearance() {
  const style = getComputedStyle(document.documentElement);
  const value = (name) => style.getPropertyValue(name).trim();
  return {
    theme: dark.matches ? "night" : "stripe",
    disableAnimations: calm.matches,
    variables: {
      colorPrimary: value("--velvet"),
      colorBackground: value("--card"),
      colorText: value("--ink"),
      colorTextSecondary: value("--soft"),
      colorDanger: value("--velvet"),
      fontFamily: value("--sans"),
      // With less, a phone zooms in when a field is touched.
      fontSizeBase: "16px",
      borderRadius: "11px",
    },
  };
}
