// Shows: paused, cancelled, refunded, and given a picture. New ones are in `new-show.js`.

import { h, redraw } from "../dom.js";
import { commandButton, outcomeBox } from "./asking.js";
import { t } from "./messages.js";
import { newShow } from "./new-show.js";
import { Picture } from "./picture.js";

const ASK_AGAIN_MS = 2_000;
const RUN_SHOWS = ["manager", "admin"];

export class Manage {
  #timer = 0;
  #closed = false;
  #call;
  #session;
  #again;
  #control = h("section", { class: "panel" });
  /** @type {Picture | undefined} */
  #picture;

  constructor({ panel, call, session, show, again }) {
    this.#call = call;
    this.#session = session;
    this.#again = again;
    if (show) panel.append(this.#control);
    if (show) this.changed(show);
    if (show && RUN_SHOWS.includes(session.role)) {
      this.#picture = new Picture(call, show);
      panel.append(this.#picture.element);
    }
    if (RUN_SHOWS.includes(session.role)) panel.append(newShow(call, again));
    else panel.append(h("p", { class: "hint" }, t("shows_not_for")));
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Somebody has changed the show's picture. */
  pictured() {
    this.#picture?.changed();
  }

  /** The show's sale has opened, was paused or has ended, here or elsewhere: other commands fit it. */
  changed(show) {
    const outcome = outcomeBox();
    const path = `/v1/shows/${encodeURIComponent(show.id)}`;
    const progress = h("div");
    const button = (name, means, command, done) =>
      commandButton({ name: command, text: t(name), means: t(means), outcome, act: (key) => this.#call("POST", `${path}/${command}`, { key }), done: done ?? this.#again });
    const buttons = [];
    if (RUN_SHOWS.includes(this.#session.role)) {
      if (show.status === "paused") buttons.push(button("resume", "resume_means", "resume"));
      else if (["on_sale", "not_open"].includes(show.status)) buttons.push(button("pause", "pause_means", "pause"));
      if (show.status === "cancelled") buttons.push(button("refund_show", "refund_show_means", "refunds", () => this.#follow(path, progress)));
      else buttons.push(button("cancel_show", "cancel_show_means", "cancel"));
    }
    redraw(this.#control, h("h2", null, show.title), h("p", { class: "hint" }, t(`sale_${show.status}`)), outcome, h("div", { class: "toolbar" }, buttons), progress);
    clearTimeout(this.#timer);
    if (show.status === "cancelled") this.#follow(path, progress);
  }

  /** How far the refunds are, until there is nothing left to do. */
  async #follow(path, box) {
    clearTimeout(this.#timer);
    try {
      const { body } = await this.#call("GET", `${path}/refunds`);
      if (body.requested_by) {
        const { total, refunded, under_way, need_a_person: person, at_the_till: till } = body.bookings;
        redraw(
          box,
          h("h3", null, t("refunds")),
          h("progress", { max: Math.max(1, total), value: refunded, "aria-label": t("refunds") }),
          h("p", { role: "status" }, t("refunds_progress", { refunded, total, under_way })),
          person > 0 && h("p", { class: "notice" }, t("refunds_person", { count: person })),
          till > 0 && h("p", null, t("refunds_till", { count: till })),
        );
      }
      if (body.complete || !body.requested_by) return;
    } catch {
      // The next look may succeed.
    }
    if (!this.#closed && box.isConnected) this.#timer = setTimeout(() => this.#follow(path, box), ASK_AGAIN_MS);
  }
}
