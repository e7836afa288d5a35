// Loads what a page needs once nothing is left: then, or for a visitor who has waited for free seats since an earlier visit.

/** Until when the visitor waits, in milliseconds since 1970, is kept under this name. */
export const keyOf = (show) => `lastseat:tell-me:${show}`;

export class WhenFull {
  #inventory;
  #key;
  #make;
  #loading = false;
  /** @type {import("./tell-me.js").TellMe} */
  #tellMe;

  /** `place` is where it says so; `list` is the promise of all shows. */
  constructor(place, sale, inventory, list) {
    this.#inventory = inventory;
    this.#key = keyOf(sale.show.id);
    this.#make = async () => {
      place.hidden = !sale.onSale;
      const [{ TellMe }, { SoldOut }] = await Promise.all([import("./tell-me.js"), import("./sold-out.js")]);
      this.#tellMe = new TellMe(sale, inventory);
      new SoldOut(place, sale, inventory, this.#tellMe, list);
    };
    for (const event of ["loaded", "changed"]) inventory.addEventListener(event, () => this.#look());
    // Another tab may have begun to wait.
    window.addEventListener("storage", () => this.#look());
    this.#look();
  }

  /** Whether the visitor wants to hear of free seats. */
  get on() {
    return this.#tellMe?.on ?? this.#waits();
  }

  stop() {
    if (this.#tellMe) return this.#tellMe.stop();
    try {
      localStorage.removeItem(this.#key);
    } catch {
      // Then there is nothing that could be kept.
    }
  }

  async #look() {
    if (this.#loading || !(this.#inventory.full || this.#waits())) return;
    this.#loading = true;
    // Without a connection the next change asks again.
    await this.#make().catch(() => (this.#loading = false));
  }

  #waits() {
    try {
      return Number(localStorage.getItem(this.#key) ?? 0) > Date.now();
    } catch {
      return false;
    }
  }
}
