// A show's seat map with its live inventory, as the till, the blocks and an exchange have it.

import { h, s } from "../dom.js";
import { Feed } from "../feed.js";
import { Inventory } from "../inventory.js";
import { SeatMap } from "../large-map/switch.js";
import { seatName } from "../words.js";
import { t } from "./messages.js";

export class SeatBox {
  inventory = new Inventory();
  /** Whether the map is current. */
  live = h("span", { class: "badge", role: "status" }, t("loading"));
  viewport;
  map;
  /** What to put on the page. */
  parts;
  /** A seat as its plan prints it. */
  named = (seat) => this.inventory.named(seat);
  #feed;

  /**
   * @param {{ show: any, hint: string, again: () => unknown, pick: (seat: string) => unknown, loaded?: () => unknown,
   *   changed?: (changes: any[]) => unknown }} options `again` is called when the show has other seats or prices
   */
  constructor({ show, hint, again, pick, loaded, changed }) {
    const paper = s("svg", { id: "map", role: "grid", "aria-label": hint });
    this.viewport = h("div", { class: "viewport", tabindex: "-1" }, h("div", { class: "sheet" }, paper));
    const tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" }, h("b"), h("span"));
    const line = h("p", { class: "hint" }, hint);
    this.parts = [line, this.viewport, tip];
    this.map = new SeatMap(this.viewport, paper, tip, show);
    this.map.addEventListener("pick", ({ detail }) => pick(detail));
    this.inventory.addEventListener("loaded", () => {
      this.map.draw(show, [...this.inventory.seats.values()], this.inventory.shapes);
      loaded?.();
    });
    this.inventory.addEventListener("changed", ({ detail }) => {
      // Where no seat has a label there is nothing to draw.
      this.viewport.hidden = line.hidden = this.inventory.seats.size === 0;
      this.map.paint(detail);
      changed?.(detail);
    });
    this.#feed = new Feed(show.id, this.inventory, "", show.plan);
    this.#feed.addEventListener("status", () => (this.live.textContent = t(this.#feed.status === "live" ? "live" : "reconnecting")));
    // Other seats or prices: all is drawn from the new ones.
    for (const name of ["revised", "gone"]) this.#feed.addEventListener(name, () => again());
  }

  /** The names of the prices of an area, if it has several. */
  typesOf(area) {
    return (this.inventory.areas.get(area)?.price_types ?? []).map(({ price_type: name }) => name);
  }

  /** What a place of an area costs, without fees. */
  priceOf(area, type) {
    const known = this.inventory.areas.get(area);
    return known?.price_types?.find(({ price_type: name }) => name === type)?.price ?? known?.price ?? 0;
  }

  /** A seat's name as its plan prints it. */
  nameOf(seat) {
    return seatName(this.named(seat));
  }

  close() {
    this.#feed.close();
    this.map.close();
  }
}
