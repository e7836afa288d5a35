// Giving a paid booking to another account, and the number by which others give one to this account.

import { h } from "../dom.js";
import { ask, say } from "./commands.js";
import { t } from "./messages.js";

/** What the server calls the buyer of an account: so it is shown, because the box office needs all of it. */
const PREFIX = "account:";
const buyerOf = (account) => PREFIX + account;

/** Accounts have such numbers: what is mistyped is rarely one. The server knows which there are. */
const NUMBER = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/**
 * A form that gives a booking away.
 *
 * @param {import("./hold.js").Context & { typed: { account: string } }} context `typed` keeps what is in the field
 */
export function giveForm({ card, wallet, commands, typed }) {
  const { id } = card;
  const field = h("input", {
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    maxlength: "64",
    required: true,
    value: typed.account,
    data: { key: `account ${id}` },
    oninput: () => (typed.account = field.value),
  });
  const submit = async (event) => {
    event.preventDefault();
    const number = field.value.trim().toLowerCase();
    const account = number.startsWith(PREFIX) ? number.slice(PREFIX.length) : number;
    if (!NUMBER.test(account)) return say(commands.outcome, t("give_no_number"));
    if (account === wallet.session?.id) return say(commands.outcome, t("give_own"));
    if (commands.busy || !(await ask(t("give"), t("give_sure", { account: buyerOf(account) })))) return;
    const given = await commands.run(`give ${account}`, async (send) => {
      await send("POST", `/v1/bookings/${encodeURIComponent(id)}/transfer`, { ...wallet.proof(card), body: { buyer: buyerOf(account) } });
    });
    if (!given) return;
    await wallet.left(card);
    // Its card is gone, and with it where it could be said.
    document.dispatchEvent(new Event("given"));
  };
  return h(
    "form",
    { class: "toolbar", data: { act: "give" }, onsubmit: submit },
    h("label", { class: "field" }, t("give_to"), field),
    h("button", { data: { key: `give ${id}` }, disabled: commands.busy }, t("give")),
    h("p", { class: "hint" }, t("give_hint")),
  );
}

/** The number of the account that is signed in: `show` draws it. */
export class AccountNumber {
  element = h("section", { class: "account-number", hidden: true });
  #outcome = h("p", { class: "hint", role: "status" });
  #number;

  /** @param {{ id: string } | null | undefined} session */
  show(session) {
    this.element.hidden = !session;
    if (!session || this.#number === session.id) return;
    this.#number = session.id;
    const code = h("code", null, buyerOf(session.id));
    const copy = async () => {
      try {
        await navigator.clipboard.writeText(buyerOf(session.id));
        this.#outcome.textContent = t("number_copied");
      } catch {
        // Browsers allow the clipboard on https and localhost only.
        getSelection().selectAllChildren(code);
      }
    };
    const button = h("button", { type: "button", data: { act: "copy-number" }, onclick: copy }, t("number_copy"));
    this.element.replaceChildren(h("h2", null, t("account_number")), h("p", null, t("account_number_hint")), h("p", { class: "toolbar" }, code, button), this.#outcome);
  }
}
