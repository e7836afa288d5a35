// What the page offers when nothing is left: to hear of free seats, and other shows that have some.

import { candidates } from "./alternatives.js";
import { get, sleep } from "./api.js";
import { h, redraw } from "./dom.js";
import { ROWS } from "./feed.js";
import { card } from "./other-shows.js";
import { t } from "./sold-out-messages.js";

const CARDS = 3;
/** All readers see the last seat go at once, and must not all ask at once. */
const SPREAD_MS = 2_000;

export class SoldOut {
  #place;
  #sale;
  #inventory;
  #tellMe;
  #list;
  #others;
  #drawn;

  /** `list` is the promise of all shows. */
  constructor(place, sale, inventory, tellMe, list) {
    this.#place = place;
    this.#sale = sale;
    this.#inventory = inventory;
    this.#tellMe = tellMe;
    this.#list = list;
    for (const event of ["loaded", "changed"]) inventory.addEventListener(event, () => this.#draw());
    for (const source of [sale, tellMe]) source.addEventListener("changed", () => this.#draw());
    this.#draw();
  }

  #draw() {
    const { on, announced, notifies } = this.#tellMe;
    const { full, free } = this.#inventory;
    const selling = this.#sale.onSale;
    const shown = selling && (full || on);
    if (shown && full) this.#find();
    const state = JSON.stringify([shown, on, announced, notifies, announced && free, this.#others?.length]);
    if (state === this.#drawn) return;
    this.#drawn = state;
    this.#place.hidden = !shown;
    redraw(this.#place, ...(shown ? [this.#watch(on, announced, notifies, free), !announced && this.#alternatives()] : []));
  }

  #watch(on, announced, notifies, free) {
    const act = on ? () => this.#tellMe.stop() : () => this.#tellMe.start();
    const button = h("button", { type: "button", class: on ? "quiet" : undefined, data: { key: "tell", act: "tell" }, onclick: act }, t(on ? "stop" : "tell"));
    const [heading, hint] = announced ? [t("free", { count: free }), t("free_hint")] : [undefined, t(!on ? "tell_hint" : notifies ? "telling" : "telling_quiet")];
    return h("div", { class: "watch", data: { announced: String(announced) } }, heading && h("h2", null, heading), h("p", { class: "hint" }, hint), button);
  }

  #alternatives() {
    if (!this.#others?.length) return undefined;
    const cards = this.#others.map(({ show, free }) => card(show, t("places_free", { count: free })));
    return h("div", { class: "alternatives" }, h("h2", null, t("other_shows")), h("ul", { class: "show-cards" }, cards));
  }

  /** Looks for other shows once: those of the same house first, then those nearest in time. */
  async #find() {
    if (this.#others) return;
    this.#others = [];
    const shows = await this.#list;
    // Found so when the page was opened: then there is no crowd that does the same.
    if (this.#inventory.changes > 0) await sleep(Math.random() * SPREAD_MS);
    for (const show of candidates(shows, this.#sale.show)) {
      const free = await freeOf(show);
      if (free > 0) this.#others.push({ show, free });
      if (this.#others.length === CARDS) break;
    }
    this.#draw();
  }
}

async function freeOf({ id }) {
  try {
    const { areas } = await get(`/v1/shows/${encodeURIComponent(id)}/seats`, { accept: ROWS, patience: 0 });
    return areas.reduce((sum, { available }) => sum + available, 0);
  } catch {
    // A show that can't be asked now is not offered.
    return 0;
  }
}
