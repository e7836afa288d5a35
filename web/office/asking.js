// Buttons that send a command: one key until there is an answer, a question before what can't be undone, and the outcome in words.

import { newKey } from "../api.js";
import { announce, focusHeading, h } from "../dom.js";
import { isDecided } from "../requests.js";
import { t } from "./messages.js";
import { refusal } from "./problem-messages.js";

/** What went wrong with a command, as a sentence that says what to do. `named`: as `refusal` has it. */
export const wrong = (error, named) => (error.code === undefined || !isDecided(error) ? t("unknown_outcome") : refusal(error, named));

/** The same for what was only to be read. */
export const unread = (error) => (error.code === undefined ? t("unreachable") : refusal(error));

/** Refusals of a request, not of what it wants: an earlier one under its key may still have been carried out. */
const SAYS_NOTHING = [401, 408, 429];

const isOver = (error) => isDecided(error) && !SAYS_NOTHING.includes(error.status) && error.code !== "csrf_token_invalid";

/** Commands that had no answer, by `keep`: who looks at something else meanwhile finds them again. */
const unanswered = new Map();

window.addEventListener("beforeunload", (event) => {
  if (unanswered.size > 0) event.preventDefault();
});

/**
 * A button that runs `act(key, what)` when it is pressed, after a question if `means` says what it leads to. `outcome` gets what became of
 * it. Until the server has decided, pressing again repeats the same: the key and `what`, which was computed first. `pending` is called
 * when something is sent and when it is decided, so that a form can show that nothing in it counts meanwhile. `keep`: a name under which that outlives the button.
 * `may` refuses before anything is asked or sent: it returns why. `explain` says what went wrong, where `wrong` does not say it.
 *
 * @param {{ name: string, text: string, means?: string | (() => string), primary?: boolean, outcome: HTMLElement, may?: () => string | undefined,
 *   what?: () => any, keep?: string, pending?: (isPending: boolean, what?: any) => void, act: (key: string, what: any) => Promise<unknown>,
 *   done?: (answer: any, what: any) => unknown, explain?: (error: any) => string }} options
 */
export function commandButton({ name, text, means, primary, outcome, may, what, keep, pending, act, done, explain = wrong }) {
  let open = keep === undefined ? undefined : unanswered.get(keep);
  const settle = (sent) => {
    open = sent;
    if (keep !== undefined && sent) unanswered.set(keep, sent);
    else if (keep !== undefined) unanswered.delete(keep);
    pending?.(sent !== undefined, sent?.what);
  };
  const run = async () => {
    const sent = open ?? { key: newKey(), what: what?.() };
    const hadFocus = document.activeElement === button;
    button.disabled = true;
    pending?.(true, sent.what);
    say(outcome, "");
    try {
      const answer = await act(sent.key, sent.what);
      settle(undefined);
      await (done ? done(answer, sent.what) : say(outcome, t("done"), true));
    } catch (error) {
      settle(isOver(error) ? undefined : sent);
      say(outcome, explain(error));
      reveal(outcome);
    }
    button.disabled = false;
    if (hadFocus) focusAgain(button);
  };
  const press = () => {
    const why = open ? undefined : may?.();
    if (why) {
      say(outcome, why);
      reveal(outcome);
    } else if (means && !open) ask(text, typeof means === "string" ? means : means(), run);
    else run();
  };
  const button = h("button", { type: "button", class: primary ? "primary" : undefined, "data-act": name, "data-key": name, onclick: press }, text);
  if (open) {
    say(outcome, t("unknown_outcome"));
    pending?.(true, open.what);
  }
  return button;
}

/** A button that was disabled has lost the focus; what was drawn meanwhile may have another in its place. */
function focusAgain(button) {
  if (document.activeElement && document.activeElement !== document.body) return;
  const control = button.isConnected ? button : document.querySelector(`[data-key="${CSS.escape(button.dataset.key)}"]`);
  control?.focus({ preventScroll: true });
  // It may be hidden now.
  if (control && document.activeElement === control) return;
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  if (dialog) focusHeading(dialog);
}

/** Shows what became of a command, and reads it out. */
export function say(outcome, text, good = false) {
  outcome.hidden = text === "";
  outcome.textContent = text;
  outcome.className = good ? "notice good" : "notice";
  if (text) announce(text);
}

/** Brings what went wrong with a button into view: on a phone it may be far above the button. */
export const reveal = (outcome) => outcome.scrollIntoView({ block: "nearest" });

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
