// The frame of the pages for staff: who works here, the way to the other pages, the language, signing in and out.

import { h } from "../dom.js";
import { choose, language, LANGUAGES, messages } from "../language.js";
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
    wrong_role: "{name} hat die Rolle „{role}“. Diese Seite ist für: {roles}.",
    unreachable: "Der Server ist nicht erreichbar. Versuchen Sie es noch einmal.",
  },
});

/**
 * Draws the frame around the page's `<main>`, and lets somebody with one of `roles` in.
 *
 * @param {{ page: "office" | "entrance" | "audit", roles: string[], start: (call: ReturnType<typeof callerOf>, session: import("./session.js").Session) => void, maySignOut?: () => Promise<boolean> }} page
 *   `start` is called with the function that sends requests as the one who has signed in.
 */
export async function frame({ page, roles, start, maySignOut }) {
  document.documentElement.lang = language;
  const main = document.querySelector("main");
  const who = h("div", { class: "who" });
  const pages = ["office", "entrance", "audit"].map((name) =>
    h("a", { href: `/${name}`, "aria-current": name === page ? "page" : undefined }, t(name)),
  );
  const languages = h(
    "select",
    { "aria-label": t("language"), onchange: (event) => choose(event.target.value) },
    Object.entries(LANGUAGES).map(([tag, name]) => h("option", { value: tag, selected: tag === language }, name)),
  );
  const top = h("header", { class: "page-top" }, h("a", { class: "page-brand", href: "/" }, "lastseat"), h("nav", { "aria-label": t("pages") }, pages), languages, who);
  main.before(top);

  const welcome = (session) => {
    if (!roles.includes(session.role)) return ask(main, roles, welcome, t("wrong_role", { ...session, roles: roles.join(", ") }));
    who.replaceChildren(h("span", { class: "name" }, session.name), h("button", { type: "button", class: "plain", onclick: async () => (await maySignOut?.()) !== false && signOut(session) }, t("sign_out")));
    main.replaceChildren();
    start(callerOf(session), session);
  };
  try {
    const session = await current();
    if (session) welcome(session);
    else ask(main, roles, welcome);
  } catch {
    ask(main, roles, welcome, t("unreachable"));
  }
}

/** The forms to sign in with. */
function ask(main, roles, welcome, problem = "") {
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
      failed(error.code === undefined ? t("unreachable") : error.message);
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
  main.replaceChildren(h("div", { class: "signing-in" }, outcome, account, token));
}
