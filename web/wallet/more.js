// What a buyer rarely does with a booking: save it as a file, pass its link on, take it into an account, give it away, remove it.

import { announce, h } from "../dom.js";
import { say } from "./commands.js";
import { giveForm } from "./give.js";
import { t } from "./messages.js";
import { stateOf } from "./names.js";

const PATIENCE_MS = 20_000;

/** @typedef {import("./hold.js").Context} Context */

/** @param {Context & { menu: { open: boolean }, typed: { account: string } }} context `menu` keeps whether it is open, `typed` what is in its field */
export function moreMenu({ card, wallet, commands, menu, typed }) {
  const { id } = card;
  const token = wallet.tokenOf(card);
  const path = `/v1/bookings/${encodeURIComponent(id)}`;
  const state = stateOf(card);
  const paid = state === "confirmed";
  const over = ["aborted", "refunded", "unknown"].includes(state);
  const claim = async (send) => {
    // The account has it from then on; the token on this device is void.
    await send("POST", "/v1/me/bookings", { headers: wallet.session.headers, body: { token } });
    announce(t("claim_done"));
    await wallet.left(card);
  };
  const buttons = [
    paid && h("button", { type: "button", data: { key: `pdf ${id}`, act: "pdf" }, onclick: () => commands.run("pdf", () => savePdf(path, token)) }, t("pdf")),
    token && !over && copyButton(id, token, commands.outcome),
    paid && token && wallet.session && commands.button({ name: "claim", key: `claim ${id}`, text: t("claim"), sure: t("claim_sure"), run: claim }),
    token && (over || paid) && commands.button({ name: "remove", key: `remove ${id}`, text: t("remove"), sure: paid ? t("remove_sure") : undefined, run: () => wallet.forget(id) }),
  ].filter(Boolean);
  if (buttons.length === 0) return undefined;
  return h(
    "details",
    { open: menu.open, ontoggle: (event) => (menu.open = event.target.open) },
    h("summary", { data: { key: `more ${id}` } }, t("more")),
    h("div", { class: "toolbar" }, buttons),
    paid && token && mailForm(id, path, token, commands),
    paid && wallet.accounts && (token || wallet.session) && giveForm({ card, wallet, commands, typed }),
  );
}

/** The address that opens a booking in any browser. All of it is in the fragment, which is never sent to a server. */
const linkTo = (id, token) => `${location.origin}/wallet#booking=${encodeURIComponent(id)}&token=${encodeURIComponent(token)}`;

function copyButton(id, token, outcome) {
  const link = linkTo(id, token);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link);
      say(outcome, t("copied"), true);
    } catch {
      // Browsers allow the clipboard on https and localhost only.
      const field = h("input", { readonly: true, value: link, "aria-label": t("link_field") });
      button.replaceWith(field);
      field.select();
    }
  };
  const button = h("button", { type: "button", data: { key: `copy ${id}`, act: "copy", link }, onclick: copy }, t("copy"));
  return button;
}

function mailForm(id, path, token, commands) {
  const field = h("input", { type: "email", name: "email", autocomplete: "email", maxlength: "254", required: true, data: { key: `address ${id}` } });
  const submit = (event) => {
    event.preventDefault();
    const email = field.value;
    commands.run(`mail ${email}`, (send) => send("POST", `${path}/mail`, { token, body: { email } }), t("mail_sent"));
  };
  return h(
    "form",
    { class: "toolbar", data: { act: "mail" }, onsubmit: submit },
    h("label", { class: "field" }, t("mail_to"), field),
    h("button", { data: { key: `mail ${id}` }, disabled: commands.busy }, t("mail")),
  );
}

async function savePdf(path, token) {
  const headers = { accept: "application/pdf", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${path}/tickets`, { headers, signal: AbortSignal.timeout(PATIENCE_MS) }).catch(() => undefined);
  if (!response?.ok) throw new Error("no answer");
  const url = URL.createObjectURL(await response.blob());
  h("a", { href: url, download: "tickets.pdf" }).click();
  // Some browsers read it after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
