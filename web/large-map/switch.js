// The seat map for a show of any size: elements for each seat (map.js) in small houses, a canvas in large ones.
//
// Callers see one interface. The modules of the canvas are loaded for large shows only.

import { SeatMap as DrawnMap } from "../map.js";

/** With more seats than this the map is a canvas. The benches say why: docs/PERFORMANCE.md. */
export const MANY = 3_000;

/**
 * Whether a show may be large. How many seats a drawn plan has, a show does not say.
 *
 * @param {{ plan?: object, areas?: any[] }} show
 */
function mayBeLarge({ plan, areas = [] } = {}) {
  const rows = areas.flatMap((area) => area.rows ?? []);
  return plan !== undefined || rows.reduce((sum, { seats }) => sum + seats, 0) > MANY;
}

export class SeatMap extends EventTarget {
  #parts;
  #map;
  #large;
  #mine = [];
  #says;
  /** Counts drawings: an earlier one that waits for modules is not drawn any more. */
  #drawing = 0;

  /**
   * `show` is optional. With it, what a large show needs is loaded while its seats are. `says`: the page does not read out
   * what was picked, so that the map has to.
   */
  constructor(viewport, paper, tip, show, { says = false } = {}) {
    super();
    this.#says = says;
    this.#parts = [viewport, paper, tip];
    if (mayBeLarge(show)) this.#load().catch(() => {});
    else this.#become(DrawnMap);
  }

  get zoom() {
    return { step: (factor) => this.#map?.zoom.step(factor), whole: () => this.#map?.zoom.whole() };
  }

  close() {
    this.#drawing += 1;
    this.#map?.close();
  }

  draw(show, seats, shapes = []) {
    this.#drawing += 1;
    if (seats.length > MANY) return this.#drawLarge(show, seats, shapes, this.#drawing);
    this.#become(DrawnMap);
    this.#map.draw(show, seats, shapes);
    this.#map.mark(this.#mine);
  }

  async #drawLarge(show, seats, shapes, drawing) {
    let kind = DrawnMap;
    try {
      kind = await this.#load();
    } catch {
      // Slow is better than nothing.
    }
    if (drawing !== this.#drawing) return;
    this.#become(kind);
    this.#map.draw(show, seats, shapes);
    this.#map.mark(this.#mine);
  }

  paint(changes) {
    // What is not drawn yet is drawn as it will be then.
    this.#map?.paint(changes);
  }

  mark(labels) {
    this.#mine = labels;
    this.#map?.mark(labels);
  }

  seatAt(place) {
    return this.#map?.seatAt(place);
  }

  refuse(label) {
    this.#map?.refuse(label);
  }

  celebrate(labels) {
    this.#map?.celebrate(labels);
  }

  #load() {
    this.#large ??= import("./large-map.js").then(({ LargeMap }) => LargeMap);
    return this.#large;
  }

  #become(Kind) {
    if (this.#map instanceof Kind) return;
    this.#map?.close();
    this.#map = new Kind(...this.#parts);
    this.#map.says = this.#says;
    this.#map.addEventListener("pick", ({ detail }) => this.dispatchEvent(new CustomEvent("pick", { detail })));
  }
}
