// Buttons that do something to a booking or a voucher: a question before what can't be undone, one key until the server has decided, and the
// outcome in words.

import { announce, h } from "../dom.js";
import { Requests } from "../requests.js";
import { problemText, t } from "./messages.js";

/** Where outcomes of a card's commands appear. */
export const outcomeBox = () => h("p", { class: "notice", role: "status", hidden: true });

export function say(outcome, text, good = false) {
  outcome.hidden = text === "";
  outcome.textContent = text;
  outcome.className = good ? "notice good" : "notice";
  if (!text) return;
  announce(text);
  // On a phone the button that was pressed may be far below it.
  outcome.scrollIntoView({ block: "nearest" });
}

/** The commands of one card. */
export class Commands {
  outcome = outcomeBox();
  #requests = new Requests(() => say(this.outcome, t("loading")));
  #busy = false;
  #changed;

  /** @param {() => void} changed called when a command begins or ends */
  constructor(changed) {
    this.#changed = changed;
  }

  get busy() {
    return this.#busy;
  }

  /**
   * A button that sends a command. `run` gets a function that sends a request under the command's key.
   *
   * @param {{ name: string, key: string, text: string, sure?: string, primary?: boolean, done?: string, run: (send: (method: string, path: string, options?: object) => Promise<any>) => Promise<unknown> }} options
   */
  button({ name, key, text, sure, primary, done = "", run }) {
    const press = async () => {
      if (!this.#busy && (!sure || (await ask(text, sure)))) await this.run(key, run, done);
    };
    return h("button", { type: "button", class: primary ? "primary" : undefined, disabled: this.#busy, data: { key, act: name }, onclick: press }, text);
  }

  /** Sends a command; says whether it was done. */
  async run(name, run, done = "") {
    if (this.#busy) return false;
    const request = { command: name, body: undefined };
    const key = this.#requests.keyOf(request);
    this.#set(true);
    say(this.outcome, "");
    let failure;
    try {
      await run((method, path, options) => this.#requests.send(method, path, { ...options, key: method === "POST" ? key : undefined, patience: 10_000 }));
      say(this.outcome, done, true);
    } catch (error) {
      failure = error;
      this.#requests.failed(request, key, error);
      say(this.outcome, problemText(error));
    }
    this.#set(false);
    return failure === undefined;
  }

  #set(busy) {
    this.#busy = busy;
    this.#changed();
  }
}

/** Asks before what can't be undone. @returns {Promise<boolean>} */
export function ask(text, means) {
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "asked" },
    h("h2", { id: "asked" }, text),
    h("p", null, means),
    h("form", { method: "dialog", class: "toolbar" }, h("button", { value: "no", autofocus: true }, t("no")), h("button", { value: "yes", class: "primary" }, t("yes"))),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
