// Buttons that send a command: one key until there is an answer, a question before what can't be undone, and the outcome in words.

import { newKey } from "../api.js";
import { announce, h } from "../dom.js";
import { isDecided } from "../requests.js";
import { t } from "./messages.js";
import { refusal } from "./problem-messages.js";

/** What went wrong with a command, as a sentence that says what to do. */
export const wrong = (error) => (error.code === undefined || !isDecided(error) ? t("unknown_outcome") : refusal(error));

/** The same for what was only to be read. */
export const unread = (error) => (error.code === undefined ? t("unreachable") : refusal(error));

/**
 * A button that runs `act(key)` when it is pressed, after a question if `means` says what it leads to. `outcome` gets what became of
 * it. The key stays the same until the server has decided. `may` refuses before anything is asked or sent: it returns why.
 *
 * @param {{ name: string, text: string, means?: string, primary?: boolean, outcome: HTMLElement, may?: () => string | undefined,
 *   act: (key: string) => Promise<unknown>, done?: (answer: any) => unknown }} options
 */
export function commandButton({ name, text, means, primary, outcome, may, act, done }) {
  let key = newKey();
  const run = async () => {
    button.disabled = true;
    say(outcome, "");
    try {
      const answer = await act(key);
      key = newKey();
      await (done ? done(answer) : say(outcome, t("done"), true));
    } catch (error) {
      if (isDecided(error)) key = newKey();
      say(outcome, wrong(error));
    }
    button.disabled = false;
  };
  const press = () => {
    const why = may?.();
    if (why) say(outcome, why);
    else if (means) ask(text, means, run);
    else run();
  };
  const button = h("button", { type: "button", class: primary ? "primary" : undefined, "data-act": name, onclick: press }, text);
  return button;
}

/** Shows what became of a command, and reads it out. */
export function say(outcome, text, good = false) {
  outcome.hidden = text === "";
  outcome.textContent = text;
  outcome.className = good ? "notice good" : "notice";
  if (text) announce(text);
}

/** Where outcomes appear. */
export const outcomeBox = () => h("p", { class: "notice", hidden: true });

/** Asks before something is done. */
export function ask(text, means, yes) {
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "asked" },
    h("h2", { id: "asked" }, text),
    h("p", null, means),
    h(
      "form",
      { method: "dialog", class: "toolbar" },
      h("button", { value: "no", autofocus: true }, t("no")),
      h("button", { value: "yes", class: "primary" }, t("yes")),
    ),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue === "yes") yes();
  });
  document.body.append(dialog);
  dialog.showModal();
}
