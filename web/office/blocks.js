// Seats that are kept from the open sale: chosen on the map by drawing over them, blocked under a name, and lifted.

import { announce, focusHeading, h, redraw } from "../dom.js";
import { placeNames } from "../words.js";
import { commandButton, outcomeBox, say, unread } from "./asking.js";
import { t } from "./block-messages.js";
import { BlockForm } from "./block-form.js";
import { blockTable } from "./block-table.js";
import { Brush } from "./brush.js";
import { t as office } from "./messages.js";
import { SeatBox } from "./seat-box.js";

const RUN_SHOWS = ["manager", "admin"];
/** As many names of seats as are read before they are only counted. */
const MOST_NAMED = 12;

export class Blocks {
  #call;
  #path;
  #may;
  #box;
  #brush;
  #form;
  #chosen = new Set();
  /** The open blocks, and the seats of those that were looked at. */
  #blocks = [];
  #seatsOf = new Map();
  /** The block whose seats are marked. */
  #shown;
  #outcome = outcomeBox();
  #list = h("div", { class: "stack" });
  #open = h("section", { class: "panel" });
  /** What became of a block that was to be lifted. */
  #lifted = outcomeBox();
  #closed = false;

  constructor({ panel, call, session, show, again }) {
    this.#call = call;
    this.#path = `/v1/shows/${encodeURIComponent(show.id)}/blocks`;
    this.#may = RUN_SHOWS.includes(session.role);
    this.#box = new SeatBox({
      show,
      again,
      hint: t(this.#may ? "hint" : "staff_hint"),
      pick: (seat) => this.#pick(seat),
      loaded: () => this.#draw(),
      changed: (changes) => this.#changed(changes),
    });
    const side = h("div", { class: "stack" });
    const tools = h("div", { class: "toolbar" }, h("h2", null, t("title")), this.#box.live);
    if (this.#may) {
      this.#form = new BlockForm({ call, path: this.#path, show, box: this.#box, chosen: () => [...this.#chosen], clear: () => this.#clear(), opened: () => this.#opened() });
      this.#brush = new Brush(this.#box.viewport, this.#box.map, {
        has: (seat) => this.#chosen.has(seat),
        tap: (seat) => this.#pick(seat),
        paint: (seats, on) => this.#paint(seats, on),
        end: () => this.#draw(true),
      });
      tools.append(h("label", { class: "check", title: t("paint_hint") }, h("input", { type: "checkbox", name: "paint", checked: true, onchange: (event) => (this.#brush.isOn = event.target.checked) }), t("paint")));
      side.append(this.#form.element);
    } else {
      side.append(h("p", { class: "hint" }, t("not_for")));
    }
    this.#open.append(h("h2", null, t("open")), this.#lifted, this.#list);
    side.append(this.#open);
    panel.append(h("div", { class: "sales" }, h("section", { class: "seats", "aria-label": t("title") }, tools, this.#box.parts, this.#outcome), side));
    this.#load();
  }

  close() {
    this.#closed = true;
    this.#box.close();
  }

  async #load() {
    try {
      const { body } = await this.#call("GET", this.#path);
      if (this.#closed) return;
      this.#blocks = body.data;
      // Their seats are others' by now, or their numbers have changed.
      this.#seatsOf.clear();
      this.#drawList();
    } catch (error) {
      const again = h("button", { type: "button", onclick: () => this.#load() }, office("retry"));
      redraw(this.#list, h("p", { class: "notice" }, unread(error)), h("div", null, again));
    }
  }

  // --- Choosing ---------------------------------------------------------------------------------------

  #pick(seat) {
    const state = this.#box.inventory.state(seat);
    if (state === "unavailable") return this.#find(seat);
    if (!this.#may || this.#form.isPending) return undefined;
    if (state !== "available") return say(this.#outcome, t("taken", { seat: this.#box.nameOf(seat) }));
    this.#paint([seat], !this.#chosen.has(seat));
    return this.#draw(true);
  }

  /** Chooses the free ones of these, or chooses them no more. */
  #paint(seats, on) {
    if (this.#form.isPending) return;
    this.#shown = undefined;
    for (const seat of seats) {
      if (!on) this.#chosen.delete(seat);
      else if (this.#box.inventory.state(seat) === "available") this.#chosen.add(seat);
    }
    this.#box.map.mark([...this.#chosen]);
  }

  #clear() {
    this.#chosen.clear();
    this.#shown = undefined;
    this.#draw(true);
  }

  #changed(changes) {
    // What was blocked or lifted elsewhere; a hold of seats of a block is none of it.
    if (changes.some(({ seat, before }) => (seat.state === "unavailable") !== (before === "unavailable"))) this.#load();
    if (this.#form?.isPending) return;
    const lost = changes.filter(({ seat }) => seat.state !== "available" && this.#chosen.delete(seat.seat));
    if (lost.length > 0) this.#draw();
  }

  #draw(reads = false) {
    const seats = [...this.#chosen];
    this.#box.map.mark(this.#shown ? this.#shown.seats : seats);
    this.#form?.draw();
    if (!reads) return;
    say(this.#outcome, "");
    const named = t(seats.length > MOST_NAMED ? "chosen_many" : "chosen", { count: seats.length, seats: placeNames(seats.map(this.#box.named)).join(", ") });
    announce(seats.length > 0 ? named : t("nothing_chosen"));
  }

  #opened() {
    this.#chosen.clear();
    this.#shown = undefined;
    this.#draw();
    return this.#load();
  }

  // --- Blocks -----------------------------------------------------------------------------------------

  async #seats(id) {
    if (!this.#seatsOf.has(id)) this.#seatsOf.set(id, (await this.#call("GET", `${this.#path}/${encodeURIComponent(id)}`)).body.seats.map(({ seat }) => seat));
    return this.#seatsOf.get(id);
  }

  /** Says to which block a seat belongs, and marks that block. */
  async #find(seat) {
    try {
      for (const block of this.#blocks) {
        const seats = await this.#seats(block.id);
        if (seats.includes(seat)) return this.#mark(block, seats, t("of_block", { seat: this.#box.nameOf(seat), reason: block.reason }));
      }
      return say(this.#outcome, t("of_no_block", { seat: this.#box.nameOf(seat) }));
    } catch (error) {
      return say(this.#outcome, unread(error));
    }
  }

  #mark(block, seats, text) {
    this.#shown = { id: block.id, seats };
    this.#box.map.mark(seats);
    this.#drawList();
    say(this.#outcome, text, true);
  }

  async #show(block) {
    try {
      const seats = await this.#seats(block.id);
      this.#mark(block, seats, t("block_seats", { reason: block.reason, count: seats.length }));
    } catch (error) {
      say(this.#outcome, unread(error));
    }
  }

  #lift({ id, reason }) {
    const button = commandButton({
      name: "lift",
      text: t("lift"),
      means: t("lift_means", { reason }),
      outcome: this.#lifted,
      keep: `lift ${id}`,
      act: (key) => this.#call("DELETE", `${this.#path}/${encodeURIComponent(id)}`, { key }),
      done: async () => {
        if (this.#shown?.id === id) this.#clear();
        await this.#load();
        say(this.#lifted, t("lifted", { reason }), true);
        // Its button is gone.
        focusHeading(this.#open);
      },
    });
    button.setAttribute("aria-label", t("lift_named", { reason }));
    button.dataset.key = `lift-${id}`;
    return button;
  }

  #drawList() {
    const button = (block) => this.#may && this.#lift(block);
    const table = () => blockTable(this.#blocks, { shown: this.#shown?.id, show: (block) => this.#show(block), lift: button });
    redraw(this.#list, this.#blocks.length > 0 ? table() : h("p", { class: "hint" }, t("none")));
  }
}
