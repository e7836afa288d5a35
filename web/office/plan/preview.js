// The plan as its buyers will see it: drawn by the shop's own map.

import { h, s } from "../../dom.js";
import { SeatMap } from "../../large-map/switch.js";
import { toApi } from "./document.js";
import { rowsOf } from "./geometry.js";
import { t } from "./messages.js";

/** The seats of a plan as a snapshot of a show has them, all free. */
export function seatsOnMap({ sections }) {
  return sections.flatMap((section) =>
    rowsOf(section).flatMap(({ row, seats, gaps_after = [] }) =>
      seats.map(({ seat, label, x, y }, index) => ({ seat, area: section.area, price: 0, state: "available", section: section.name.trim() || undefined, row, label, x, y, gap: gaps_after.includes(index + 1) })),
    ),
  );
}

export class Preview {
  #paper = s("svg", { id: "map", role: "grid", "aria-label": t("preview") });
  #viewport = h("div", { class: "viewport ready" }, h("div", { class: "sheet" }, this.#paper));
  #tip = h("div", { class: "tip", hidden: true, "aria-hidden": "true" }, h("b"), h("span"));
  #map = new SeatMap(this.#viewport, this.#paper, this.#tip);
  // Only to be looked at: nothing in it can be chosen.
  element = h("div", { class: "plan-preview seating", inert: true }, this.#viewport, this.#tip);

  draw(plan) {
    const seats = seatsOnMap(plan);
    this.element.hidden = seats.length === 0;
    const shapes = toApi(plan).shapes;
    const areas = plan.sections.map(({ area, category }) => ({ area, category, price: 0 }));
    if (seats.length > 0) this.#map.draw({ areas, currency: "EUR" }, seats, shapes);
  }

  close() {
    this.#map.close();
  }
}
