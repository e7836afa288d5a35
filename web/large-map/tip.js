// The note beside the seat or section under the mouse or with the focus: what it is and what it costs.

import { STATES } from "../inventory.js";
import { money, number, seatName, stateName } from "../words.js";
import { t } from "./messages.js";

export class Tip {
  #tip;
  #camera;
  #root;
  #seats;
  /** `{ seat }` or `{ section }`; -1 is none. */
  #target;

  constructor(tip, camera, root) {
    this.#tip = tip;
    this.#camera = camera;
    this.#root = root;
  }

  /** `seats` only if they are others than before. */
  show(target, seats = this.#seats) {
    this.#seats = seats;
    if (!target || (target.seat ?? target.section) === -1) return this.hide();
    if (this.#target?.seat === target.seat && this.#target?.section === target.section) return;
    this.#target = target;
    this.#write();
    this.place();
  }

  hide() {
    this.#target = undefined;
    this.#tip.hidden = true;
    this.#root.classList.remove("over");
  }

  /** A seat has changed. */
  renew(seat) {
    if (this.#target?.seat === seat) this.#write();
  }

  #write() {
    const { seat, section } = this.#target;
    const [name, fact] = this.#tip.children;
    if (seat === undefined) {
      const { name: text, free, least } = this.#seats.sections[section];
      name.textContent = text;
      fact.textContent = free > 0 ? t("free_from", { count: number(free), price: money(least, this.#seats.currency) }) : t("none_free");
    } else {
      const mine = this.#seats.isMine(seat);
      const price = money(this.#seats.price(seat), this.#seats.currency);
      name.textContent = seatName(this.#seats.named(seat));
      fact.textContent = mine ? t("yours") : this.#seats.isFree(seat) ? price : stateName(STATES[this.#seats.state[seat]]);
    }
    this.#root.classList.toggle("over", seat === undefined || this.#seats.isMine(seat) || this.#seats.isFree(seat));
  }

  /** Above its target, and within the frame. */
  place() {
    if (!this.#target) return;
    this.#tip.hidden = false;
    const { seat, section } = this.#target;
    const box = this.#seats.sections[section]?.box;
    const [x, y] = box ? [(box.left + box.right) / 2, box.top] : [this.#seats.x[seat], this.#seats.y[seat] - 10];
    const at = this.#camera.toWindow(x, y);
    const frame = this.#tip.offsetParent.getBoundingClientRect();
    const root = this.#root.getBoundingClientRect();
    const half = this.#tip.offsetWidth / 2;
    const across = Math.min(Math.max(root.left - frame.left + at.x, half + 4), frame.width - half - 4);
    const down = Math.min(Math.max(root.top - frame.top + at.y - this.#tip.offsetHeight - 8, 4), frame.height - this.#tip.offsetHeight);
    this.#tip.style.transform = `translate(${across - half}px, ${down}px)`;
  }
}
