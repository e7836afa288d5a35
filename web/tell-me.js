// "Tell me when seats become free": the page watches its seat feed, and says so aloud, in its title, and by a notification
// where the visitor allows that. It goes on after a reload, until the show is over or the visitor has seats.

import { announce } from "./dom.js";
import { t } from "./sold-out-messages.js";
import { keyOf } from "./when-full.js";

const DAY_MS = 24 * 60 * 60 * 1000;
/** For a show that does not say when it begins. */
const LONGEST_MS = 30 * DAY_MS;
const ASK_AGAIN_MS = 2_000;
const OVER = ["closed", "cancelled"];

export class TellMe extends EventTarget {
  /** Whether seats are free that the visitor has been announced of. */
  announced = false;
  #sale;
  #inventory;
  #key;
  #title = document.title;
  #on;
  #notifies = false;
  #asked = -Infinity;

  /** `sale` and `inventory` are of the show on the page. */
  constructor(sale, inventory) {
    super();
    this.#sale = sale;
    this.#inventory = inventory;
    this.#key = keyOf(sale.show.id);
    this.#on = this.#until() > Date.now();
    for (const event of ["loaded", "changed"]) inventory.addEventListener(event, () => this.#look());
    sale.addEventListener("changed", () => this.#look());
    // The visitor comes back, maybe from where notifications are allowed.
    window.addEventListener("focus", () => {
      this.#asked = -Infinity;
      this.dispatchEvent(new Event("changed"));
    });
    // Another tab has begun or ended it.
    window.addEventListener("storage", ({ key }) => {
      if (key === this.#key) this.#become(this.#until() > Date.now());
    });
    this.#look();
  }

  /** Whether the visitor wants to hear of free seats. */
  get on() {
    return this.#on;
  }

  /** Whether notifications are shown. Without, the page has to be in view. */
  get notifies() {
    // The browser is asked in between only: in Chromium that takes as long as drawing a frame, and seats may change in each.
    if (performance.now() - this.#asked > ASK_AGAIN_MS) {
      this.#asked = performance.now();
      this.#notifies = "Notification" in window && Notification.permission === "granted";
    }
    return this.#notifies;
  }

  /** Begins to watch. Asks for notifications: the browser allows that right after a press of a button only. */
  async start() {
    this.#asked = -Infinity;
    const { starts_at: starts } = this.#sale.show;
    this.#keep((Date.parse(starts ?? "") || Date.now() + LONGEST_MS) + DAY_MS);
    this.#become(true);
    if (!("Notification" in window) || Notification.permission !== "default") return;
    await Notification.requestPermission().catch(() => undefined);
    this.#asked = -Infinity;
    this.dispatchEvent(new Event("changed"));
  }

  stop() {
    if (!this.#on) return;
    this.#keep(undefined);
    this.#become(false);
  }

  #become(on) {
    this.#on = on;
    this.announced = false;
    this.#look();
    this.dispatchEvent(new Event("changed"));
  }

  #look() {
    if (this.#on && (OVER.includes(this.#sale.show.status) || this.#until() < Date.now())) return this.stop();
    const { free, full } = this.#inventory;
    const can = this.#on && this.#sale.onSale && free > 0;
    if (can && !this.announced) this.#tell(free);
    if (this.announced && full) {
      announce(t("gone_again"));
      this.announced = false;
      this.dispatchEvent(new Event("changed"));
    }
    const title = this.announced ? t("free_title", { show: this.#sale.show.title }) : this.#title;
    if (document.title !== title) document.title = title;
  }

  #tell(count) {
    this.announced = true;
    const text = t("free_again", { count, show: this.#sale.show.title });
    announce(text);
    this.dispatchEvent(new Event("changed"));
    if (!this.notifies) return;
    try {
      // One for all tabs of this show.
      const notification = new Notification(text, { body: t("free_hint"), tag: this.#key });
      notification.addEventListener("click", () => {
        window.focus();
        notification.close();
      });
    } catch {
      // Some phones want a service worker for it; the page has said it aloud.
    }
  }

  // --- Storage ------------------------------------------------------------------------------------

  #until() {
    try {
      return Number(localStorage.getItem(this.#key) ?? 0);
    } catch {
      return this.#on ? Infinity : 0;
    }
  }

  #keep(until) {
    try {
      if (until === undefined) localStorage.removeItem(this.#key);
      else localStorage.setItem(this.#key, String(until));
    } catch {
      // Then it lasts as long as the page.
    }
  }
}
