// The seat map for a show of any size: elements for each seat (map.js) in small houses, a canvas in large ones.
//
// Callers see one interface. Only the modules of the map that is drawn are loaded.

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

/** Each map is asked for once; after a failure, again. */
const loading = new Map();

function load(large) {
  if (!loading.has(large)) loading.set(large, ask(large));
  loading.get(large).catch(() => loading.delete(large));
  return loading.get(large);
}

async function ask(large) {
  if (large) return (await import("./large-map.js")).LargeMap;
  const [{ SeatMap }] = await Promise.all([
    import("../map.js"),
    // That imports this, which would come after it.
    import("../zoom.js"),
  ]);
  return SeatMap;
}

export class SeatMap extends EventTarget {
  #parts;
  #map;
  #mine = [];
  #says;
  /** Counts drawings: an earlier one that waits for modules is not drawn any more. */
  #drawing = 0;

  /**
   * `show` is optional. With it, the modules of its map are loaded while its seats are. `says`: the page does not read out
   * what was picked, so that the map has to.
   */
  constructor(viewport, paper, tip, show, { says = false } = {}) {
    super();
    this.#says = says;
    this.#parts = [viewport, paper, tip];
    if (show) load(mayBeLarge(show)).catch(() => {});
  }

  get zoom() {
    return { step: (factor) => this.#map?.zoom.step(factor), whole: () => this.#map?.zoom.whole() };
  }

  close() {
    this.#drawing += 1;
    this.#map?.close();
  }

  /** Draws the whole map, at once if its modules are there. */
  async draw(show, seats, shapes = []) {
    this.#drawing += 1;
    const drawing = this.#drawing;
    const large = seats.length > MANY;
    // Slow is better than nothing.
    const kind = await load(large).catch((error) => (large ? load(false) : Promise.reject(error)));
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

  #become(Kind) {
    if (this.#map instanceof Kind) return;
    this.#map?.close();
    this.#map = new Kind(...this.#parts);
    this.#map.says = this.#says;
    this.#map.addEventListener("pick", ({ detail }) => this.dispatchEvent(new CustomEvent("pick", { detail })));
  }
}
