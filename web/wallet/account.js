// The account that is signed in on this device, by its session's cookie, and the form to sign in with.

import { get, send } from "../api.js";
import { h } from "../dom.js";
import { problemText, t } from "./messages.js";

/** @typedef {{ id: string, email: string, headers: Record<string, string> }} Session */

/**
 * Who is signed in, and whether the server has accounts at all. An exception, if it does not answer.
 *
 * @returns {Promise<{ session?: Session, accounts: boolean }>}
 */
export async function who() {
  try {
    return { session: of(await get("/v1/sessions/current", { patience: 0 })), accounts: true };
  } catch (error) {
    if (error.status >= 400 && error.status < 500 && error.status !== 429) return { accounts: error.code !== "no_accounts" };
    throw error;
  }
}

const of = ({ csrf_token: csrf, account: { id, email } }) => ({ id, email, headers: { "x-csrf-token": csrf } });

/** Ends the session, if there is one still. */
export async function signOut(session) {
  try {
    await send("DELETE", "/v1/sessions/current", { headers: session.headers, patience: 5_000 });
  } catch (error) {
    if (error.status !== 401) throw error;
  }
}

/** The form to sign in, or to make an account. `done` is called when somebody has signed in. */
export function signInForm(done) {
  const outcome = h("p", { class: "notice", role: "alert", hidden: true });
  const say = (text, good = false) => {
    outcome.hidden = text === "";
    outcome.textContent = text;
    outcome.classList.toggle("good", good);
  };
  const form = h(
    "form",
    { class: "panel signing" },
    h("h2", null, t("account")),
    h("p", { class: "hint" }, t("sign_in_hint")),
    outcome,
    h("label", { class: "field" }, t("email"), h("input", { type: "email", name: "email", autocomplete: "username", maxlength: "254", required: true })),
    h("label", { class: "field" }, t("password"), h("input", { type: "password", name: "password", autocomplete: "current-password", maxlength: "256", required: true })),
    h("div", { class: "toolbar" }, h("button", { class: "primary", value: "in" }, t("sign_in")), h("button", { value: "up" }, t("sign_up"))),
    h("p", null, h("a", { href: "/account#forgot" }, t("forgot"))),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const up = /** @type {any} */ (event).submitter?.value === "up";
    const { email, password } = /** @type {any} */ (form.elements);
    const body = { email: email.value, password: password.value };
    form.toggleAttribute("aria-busy", true);
    say("");
    try {
      await send("POST", up ? "/v1/accounts" : "/v1/sessions", { body, patience: 5_000 });
      if (up) say(t("signed_up"), true);
      else {
        form.reset();
        await done();
      }
    } catch (error) {
      say(problemText(error));
    }
    form.toggleAttribute("aria-busy", false);
  });
  return form;
}
