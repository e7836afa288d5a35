// The colours of the map, as its style sheets name them. A canvas takes none by itself.

const NAMES = ["card", "sunk", "ink", "soft", "line", "tone-0", "tone-1", "tone-2", "locked", "in-process", "booked", "mine", "boards-near", "boards-far", "on-boards"];

export class Theme extends EventTarget {
  #probe;
  #colours = {};
  #mixed = new Map();
  #pixel = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  #closing = new AbortController();

  /** `probe` is an element in the map: a page may set the colours for this map alone. */
  constructor(probe) {
    super();
    this.#probe = probe;
    this.#read();
    const look = () => this.#read() && this.dispatchEvent(new Event("changed"));
    const { signal } = this.#closing;
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) window.matchMedia(query).addEventListener("change", look, { signal });
    // A page that switches between light and dark by itself does it at its root.
    const observer = new MutationObserver(look);
    observer.observe(document.documentElement, { attributes: true });
    signal.addEventListener("abort", () => observer.disconnect());
  }

  close() {
    this.#closing.abort();
  }

  colour(name) {
    return this.#colours[name];
  }

  /** `share` of one colour in another. */
  mix(one, other, share) {
    const key = `${one} ${other} ${share}`;
    let known = this.#mixed.get(key);
    if (!known) {
      const [a, b] = [this.#parts(one), this.#parts(other)];
      known = `rgb(${a.map((value, index) => Math.round(value * share + b[index] * (1 - share))).join(" ")})`;
      this.#mixed.set(key, known);
    }
    return known;
  }

  /** Red, green and blue, in whatever way the style sheet writes them. */
  #parts(name) {
    this.#pixel.fillStyle = this.#colours[name];
    this.#pixel.fillRect(0, 0, 1, 1);
    return [...this.#pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
  }

  /** A font of the page, `size` pixels large. */
  font(size, weight = 400) {
    return `${weight} ${size}px ${this.#colours.font}`;
  }

  /** Says whether something is another colour. */
  #read() {
    const computed = getComputedStyle(this.#probe);
    const colours = { font: computed.fontFamily };
    for (const name of NAMES) {
      // As a colour of an element, because a property of its own may be `light-dark(…)` or another one's name.
      this.#probe.style.color = `var(--${name})`;
      colours[name] = computed.color;
    }
    const changed = Object.entries(colours).some(([name, value]) => value !== this.#colours[name]);
    this.#colours = colours;
    this.#mixed.clear();
    return changed;
  }
}
