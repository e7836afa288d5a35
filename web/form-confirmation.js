// A payment in the gateway's own form: what the form needs, and what follows when the visitor has confirmed
// there. What the form says is not believed: the server asks the gateway, and its answer counts.

import { sleep } from "./api.js";
import { t } from "./payment-messages.js";
import { refusedInForm } from "./refusals.js";

const LOOK_AGAIN_MS = 2_000;
/** How often to ask for a payment that the form reported as done, before it is offered again. */
const MOST_LOOKS = 5;

const notConfirmed = () => ({ tone: "bad", text: t("not_confirmed") });
const notAsked = () => ({ tone: "bad", text: t("not_asked") });
const bankSlow = () => ({ tone: "calm", text: t("bank_slow") });

export class FormConfirmation {
  /** What the form confirms the payment with. In memory only. */
  secret;
  /** Whether the server was asked for the secret of a payment that this page did not start. */
  asked = false;
  /** The booking that is being confirmed in the form. */
  #confirms;

  /** Whether the visitor and the gateway are busy with the form for this booking. */
  isFor(booking) {
    return booking !== undefined && this.#confirms === booking.id;
  }

  forget() {
    this.secret = undefined;
    this.asked = false;
  }

  /**
   * Confirms: `run` does, and returns what `PaymentForm.confirm` returns. `checkout` is where the payment
   * is; `ask` has the server ask the gateway, and says whether it has answered; `show(phase, note)`.
   */
  async confirm(checkout, run, ask, show) {
    const { id } = checkout.booking;
    this.#confirms = id;
    show("action");
    const { done, refused } = await run();
    if (this.#confirms === id) this.#confirms = undefined;
    // Meanwhile the hold may have ended, or the server may know already.
    const waits = () => checkout.booking?.id === id && checkout.payment.inForm;
    if (!waits()) return;
    if (refused) return show("action", { tone: "bad", text: refusedInForm(refused, checkout.booking.expires_at) });
    let asked = await ask();
    for (let look = 0; asked && done && look < MOST_LOOKS && waits(); look += 1) {
      show("paying", bankSlow());
      await sleep(LOOK_AGAIN_MS);
      // The answer may have come another way.
      if (checkout.booking?.id === id && ["paying", "action"].includes(checkout.phase)) asked = await ask();
    }
    if (!waits() || checkout.note) return;
    show("action", !asked ? notAsked() : done ? bankSlow() : notConfirmed());
  }
}
