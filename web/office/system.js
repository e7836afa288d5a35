// Whether this server is well, in the words of its own checks.

import { h, redraw } from "../dom.js";
import { t } from "./messages.js";

const ASK_AGAIN_MS = 5_000;

export class System {
  #timer = 0;
  #box = h("section", { class: "panel", "aria-live": "polite" });
  #shown = "";

  constructor({ panel }) {
    panel.append(this.#box);
    this.#ask();
  }

  close() {
    clearTimeout(this.#timer);
  }

  async #ask() {
    try {
      // Not well is a 503 with the same body.
      const answer = await fetch("/health/ready", { headers: { accept: "application/json" } });
      this.#draw(await answer.json());
    } catch {
      this.#draw({ status: "error", checks: [] });
    }
    this.#timer = setTimeout(() => this.#ask(), ASK_AGAIN_MS);
  }

  #draw({ status, checks }) {
    // The same again would be read out again.
    const text = JSON.stringify([status, checks]);
    if (text === this.#shown) return;
    this.#shown = text;
    const word = (ok, degraded) => (ok ? (degraded ? t("degraded") : t("ok")) : t("not_ok"));
    const row = ({ name, ok, degraded, detail }) =>
      h("tr", null, h("th", { scope: "row" }, name.replaceAll("_", " ")), h("td", null, h("span", { class: `badge ${ok ? "good" : "bad"}` }, word(ok, degraded))), h("td", null, detail ?? ""));
    redraw(
      this.#box,
      h("h2", null, t("health"), " ", h("span", { class: `badge ${status === "ok" ? "good" : "bad"}` }, word(status === "ok", false))),
      h(
        "div",
        { class: "scrolls", tabindex: "0", role: "region", "aria-label": t("health") },
        h(
          "table",
          { class: "data" },
          h("thead", null, h("tr", null, ["check", "result", "detail"].map((name) => h("th", { scope: "col" }, t(name))))),
          h("tbody", null, checks.map(row)),
        ),
      ),
    );
  }
}
