// The frame of the pages for staff: who works here, the way to the other pages, the language, signing in and out.

import { h } from "../dom.js";
import { languageChoice } from "../language-choice.js";
import { language, messages } from "../language.js";
import { requestRefusal } from "./request-problem-messages.js";
import { callerOf, current, signIn, signOut, useToken } from "./session.js";

const t = messages({
  en: {
    office: "Box office",
    entrance: "Entrance",
    audit: "Audit",
    api: "API",
    pages: "Pages",
    language: "Language",
    sign_in: "Sign in",
    sign_out: "Sign out",
    email: "E-mail address",
    password: "Password",
    or_token: "Or work with a token",
    token: "Token",
    token_hint: "lastseat token --role {role} prints one. It is kept in this tab only.",
    use_token: "Use the token",
    not_a_token: "This is no token: copy the whole line.",
    ended: "The session has ended. Sign in again: what you were doing goes on.",
    not_signed_out: "You are still signed in: {problem}",
    later: "Not now",
    wrong_role: "{name} has the role “{role}”. This page is for: {roles}.",
    unreachable: "The server can't be reached. Try again.",
  },
  de: {
    office: "Kasse",
    entrance: "Einlass",
    audit: "Prüfung",
    api: "API",
    pages: "Seiten",
    language: "Sprache",
    sign_in: "Anmelden",
    sign_out: "Abmelden",
    email: "E-Mail-Adresse",
    password: "Passwort",
    or_token: "Oder mit einem Token arbeiten",
    token: "Token",
    token_hint: "lastseat token --role {role} gibt eines aus. Es bleibt nur in diesem Tab.",
    use_token: "Token verwenden",
    not_a_token: "Das ist kein Token: Kopieren Sie die ganze Zeile.",
    ended: "Die Sitzung ist beendet. Melden Sie sich wieder an: Was Sie gerade tun, geht weiter.",
    not_signed_out: "Sie sind noch angemeldet: {problem}",
    later: "Jetzt nicht",
    wrong_role: "{name} hat die Rolle „{role}“. Diese Seite ist für: {roles}.",
    unreachable: "Der Server ist nicht erreichbar. Versuchen Sie es noch einmal.",
  },
});

/**
 * Draws the frame around the page's `<main>`, and lets somebody with one of `roles` in.
 *
 * @param {{ page: "office" | "entrance" | "audit", roles: string[], start: (call: ReturnType<typeof callerOf>, session: import("./session.js").Session) => void,
 *   maySignOut?: () => Promise<boolean>, signsInAgain?: boolean }} page
 *   `start` is called with the function that sends requests as the one who has signed in. `signsInAgain`: when the session ends, the page
 *   asks to sign in and goes on; a page that works without a session has its own way.
 */
export async function frame({ page, roles, start, maySignOut, signsInAgain = false }) {
  document.documentElement.lang = language;
  const main = document.querySelector("main");
  const who = h("div", { class: "who" });
  const pages = ["office", "entrance", "audit"].map((name) =>
    h("a", { href: `/${name}`, "aria-current": name === page ? "page" : undefined }, t(name)),
  );
  const languages = languageChoice(t("language"));
  const top = h("header", { class: "page-top" }, h("a", { class: "page-brand", href: "/" }, "lastseat"), h("nav", { "aria-label": t("pages") }, pages), languages, who);
  main.before(top);

  const out = async (session) => {
    if ((await maySignOut?.()) === false) return;
    try {
      await signOut(session);
    } catch (error) {
      const problem = error.code === undefined ? t("unreachable") : requestRefusal(error);
      top.querySelector("[role=alert]")?.remove();
      top.append(h("p", { class: "notice", role: "alert" }, t("not_signed_out", { problem })));
    }
  };
  const drawWho = (session, again) =>
    who.replaceChildren(
      h("span", { class: "name", title: session.name }, session.name),
      session.ended && again
        ? h("button", { type: "button", class: "plain", "data-act": "sign_in", onclick: () => again() }, t("sign_in"))
        : h("button", { type: "button", class: "plain", onclick: () => out(session) }, t("sign_out")),
    );
  const welcome = (session) => {
    if (!roles.includes(session.role)) return ask(main, roles, welcome, t("wrong_role", { ...session, roles: roles.join(", ") }));
    /** One dialog, however many requests find that the session has ended. */
    let asking;
    const again = () => (asking ??= askAgain(roles, session).finally(() => ((asking = undefined), drawWho(session, again))));
    drawWho(session, again);
    main.replaceChildren();
    start(callerOf(session, signsInAgain ? again : undefined), session);
  };
  try {
    const session = await current();
    if (session) welcome(session);
    else ask(main, roles, welcome);
  } catch {
    ask(main, roles, welcome, t("unreachable"));
  }
}

/** Asks to sign in instead of the page. */
function ask(main, roles, welcome, problem = "") {
  main.replaceChildren(signingIn(roles, welcome, problem));
}

/** Asks to sign in above the page, so that it can go on. Returns whether somebody did. */
function askAgain(roles, session) {
  return new Promise((resolve) => {
    const welcome = (next) => {
      if (!roles.includes(next.role)) return draw(t("wrong_role", { ...next, roles: roles.join(", ") }));
      Object.assign(session, { token: undefined, ended: undefined }, next);
      dialog.close("yes");
    };
    const dialog = h("dialog", { class: "dialog", "aria-label": t("sign_in") });
    const draw = (problem) => dialog.replaceChildren(signingIn(roles, welcome, problem), h("form", { method: "dialog" }, h("button", { class: "plain", value: "no" }, t("later"))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    draw(t("ended"));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** The forms to sign in with. `welcome` gets who did. */
function signingIn(roles, welcome, problem) {
  const outcome = h("p", { class: "notice", role: "alert", hidden: problem === "" }, problem);
  const failed = (text) => {
    outcome.textContent = text;
    outcome.hidden = false;
  };
  const account = h(
    "form",
    { class: "panel" },
    h("h1", {}, t("sign_in")),
    h("label", { class: "field" }, t("email"), h("input", { type: "email", name: "email", autocomplete: "username", required: true })),
    h("label", { class: "field" }, t("password"), h("input", { type: "password", name: "password", autocomplete: "current-password", required: true })),
    h("button", { class: "primary" }, t("sign_in")),
  );
  account.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { email, password } = /** @type {any} */ (account.elements);
    try {
      welcome(await signIn(email.value, password.value));
    } catch (error) {
      failed(error.code === undefined ? t("unreachable") : requestRefusal(error));
    }
  });
  const token = h(
    "form",
    { class: "panel" },
    h("h2", {}, t("or_token")),
    h("p", { class: "hint" }, t("token_hint", { role: roles[0] })),
    h("label", { class: "field" }, t("token"), h("input", { name: "token", autocomplete: "off", spellcheck: "false", required: true })),
    h("button", {}, t("use_token")),
  );
  token.addEventListener("submit", (event) => {
    event.preventDefault();
    try {
      welcome(useToken(/** @type {any} */ (token.elements).token.value));
    } catch {
      failed(t("not_a_token"));
    }
  });
  return h("div", { class: "signing-in" }, outcome, account, token);
}
