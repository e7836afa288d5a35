// `<lastseat-map show="…">`: the live seat map of a show in a page of any site.
//
// The visitor chooses seats in it; the page around it learns of each change by events, and holds, pays and shows tickets over
// the API by itself. The map never sends a command and knows no token.

import { h } from "./dom.js";
import { Feed } from "./feed.js";
import { Inventory, STATES } from "./inventory.js";
import { language, speak } from "./language.js";
import { t } from "./map-messages.js";
import { SeatMap } from "./large-map/switch.js";
import { sign, signName } from "./pulse.js";
import { SeatChoice } from "./seat-choice.js";
import { describe, SaleStatus } from "./show.js";
import { money, moment, seatName, title } from "./words.js";

/** The server that this script came from, without a slash at its end. */
const HOME = new URL("..", import.meta.url).href.replace(/\/$/, "");

/** Style sheets by the server that they are from. Made by script, which a page's policy on styles does not forbid. */
const sheets = new Map();

function sheetsOf(base) {
  if (!sheets.has(base)) sheets.set(base, Promise.all(["map", "embed"].map((name) => sheet(`${base}/assets/${name}.css`))));
  return sheets.get(base);
}

async function sheet(url) {
  const made = new CSSStyleSheet();
  const answer = await fetch(url);
  if (answer.ok) made.replaceSync(await answer.text());
  return made;
}

class LastseatMap extends HTMLElement {
  static observedAttributes = ["show", "src", "max-seats"];

  #root = this.attachShadow({ mode: "open" });
  /** What belongs to the show on display, and ends with it. */
  #parts;
  /** The same of its next revision, until that can be shown. */
  #next;
  /** Seats that the page has held or paid for. */
  #held = [];
  /** While the page asks for a hold, its seats being taken is no loss. */
  #holding = 0;
  #soon = false;
  /** Of the page around the map, until another is asked for. */
  #language;
  #languages = new MutationObserver(() => this.#translate());

  async connectedCallback() {
    for (const place of [document, this]) this.#languages.observe(place, { attributeFilter: ["lang"], subtree: true });
    await this.#speak();
    if (this.isConnected) this.#build();
  }

  disconnectedCallback() {
    this.#languages.disconnect();
    this.#close();
  }

  attributeChangedCallback(name, before, now) {
    if (before === now) return;
    if (name === "max-seats") this.#limit();
    else this.#forget();
  }

  // --- Language -----------------------------------------------------------------------------------

  /** Speaks the language of the nearest `lang`, as a page has it around its texts. Says whether it is another than before. */
  async #speak() {
    const before = this.#language;
    this.#language = nearest(this);
    await speak(this.#language);
    return this.#language !== before;
  }

  /** Draws everything in the page's language, if that has changed. */
  async #translate() {
    if (!(await this.#speak()) || !this.isConnected) return;
    if (this.#parts?.frame) this.#revise(this.#parts);
    else this.#build();
  }

  // --- For the page -------------------------------------------------------------------------------

  get show() {
    return this.getAttribute("show");
  }

  set show(id) {
    this.setAttribute("show", id);
  }

  /** The address of the server, as the script's own if the attribute is absent. */
  get src() {
    const given = this.getAttribute("src");
    return given ? new URL(given, document.baseURI).href.replace(/\/$/, "") : HOME;
  }

  set src(address) {
    this.setAttribute("src", address);
  }

  /** The chosen seats: `{ seats: [{ seat, name, price, price_type?, price_types? }], fees, total, currency }`. */
  get selection() {
    const choice = this.#parts?.choice;
    if (!choice || choice.labels.length === 0) return { seats: [], fees: 0, total: 0, currency: this.#parts?.show?.currency };
    const seats = choice.labels.map((seat) => {
      const types = choice.typesOf(seat);
      const typed = types.length > 0 && { price_type: choice.typeOf(seat), price_types: types };
      return { seat, name: seatName(this.#parts.inventory.named(seat)), price: choice.priceOf(seat), ...typed };
    });
    return { seats, fees: choice.fees, total: choice.total, currency: this.#parts.show.currency };
  }

  /** The body of the request that holds the chosen seats. */
  get holdBody() {
    return { seats: this.#parts?.choice?.seats ?? [] };
  }

  /** Chooses a seat. Says why not, if so. */
  choose(seat, priceType) {
    const choice = this.#parts?.choice;
    if (!choice) return t("not_ready");
    const why = choice.has(seat) ? undefined : choice.add(seat, this.#held.includes(seat));
    if (priceType !== undefined) choice.choose(seat, priceType);
    this.#selected();
    return why;
  }

  /** Takes a seat out of the choice; all of them without one. */
  drop(seat) {
    const choice = this.#parts?.choice;
    if (!choice) return;
    choice.drop(seat === undefined ? choice.labels : [seat]);
    this.#selected();
  }

  /** Seats that are the visitor's: they are drawn as theirs, and can't be chosen. */
  get held() {
    return [...this.#held];
  }

  set held(seats) {
    this.#held = [...seats];
    this.#parts?.choice?.drop(this.#held);
    this.#mark();
    this.#selected();
  }

  /**
   * Sends a hold by the page's own function, which gets the body and returns the booking. Meanwhile the seats that it takes
   * are not reported as lost; afterwards they are `held`.
   */
  async hold(send) {
    this.#holding += 1;
    try {
      const booking = await send(this.holdBody);
      if (booking?.seats) this.held = booking.seats.map(({ seat }) => seat);
      return booking;
    } finally {
      this.#holding -= 1;
      this.#lose();
    }
  }

  // --- Building -----------------------------------------------------------------------------------

  /** Another show, or that of another server: nothing of the last one is meant any more. */
  #forget() {
    const had = this.#held.length > 0 || this.#parts?.choice?.labels.length > 0;
    this.#held = [];
    if (!this.isConnected) return;
    this.#root.replaceChildren();
    this.#build();
    if (had) this.#selected();
  }

  async #build() {
    this.#close();
    const id = this.show;
    const base = this.src;
    const closing = new AbortController();
    const parts = { closing, base };
    this.#parts = parts;
    if (!id) return this.#fail("no_show", t("show_missing"));
    const [show, styles] = await this.#find(id, base, parts);
    if (closing.signal.aborted) return;
    if (!show) return;
    this.#root.adoptedStyleSheets = styles;
    this.#draw(show, parts);
  }

  /** Draws the show as it is now. Until its seats are there, the map as it was stays, with what is chosen in it. */
  async #revise(parts) {
    if (parts !== this.#parts) return;
    const [show] = await this.#find(this.show, parts.base, parts);
    if (!show || parts !== this.#parts) return;
    this.#end(this.#next);
    this.#next = { closing: new AbortController(), base: parts.base };
    this.#draw(show, this.#next);
  }

  /** The next revision can be shown. What was chosen stays chosen as far as it can be. */
  #replace(parts) {
    const before = this.#parts;
    this.#next = undefined;
    this.#parts = parts;
    this.#end(before);
    this.#root.replaceChildren(parts.frame.all);
    const lost = [];
    for (const seat of before.choice.labels) {
      const type = before.choice.typeOf(seat);
      // While the page asks for a hold, its seats may be taken by that.
      const why = parts.choice.add(seat, false);
      if (why && !(this.#holding > 0 && parts.inventory.seats.has(seat))) lost.push(seat);
      else if (why) parts.choice.labels = [...parts.choice.labels, seat];
      if (!why && parts.choice.typesOf(seat).some(({ price_type }) => price_type === type)) parts.choice.choose(seat, type);
    }
    return { had: before.choice.labels.length > 0, lost };
  }

  async #find(id, base, parts) {
    const waiting = () => {
      // Thrown out of the asking, which would go on without an end.
      parts.closing.signal.throwIfAborted();
      this.#status("reconnecting");
    };
    try {
      const [show, styles] = await Promise.all([describe(id, waiting, base), sheetsOf(base)]);
      if (!show && !parts.closing.signal.aborted) this.#fail("show_not_found", t("no_such_show", { show: id }));
      return [show, styles];
    } catch (error) {
      sheets.delete(base);
      if (!parts.closing.signal.aborted) this.#fail(error.code || "unreachable", error.code ? error.message : t("unreachable"));
      return [];
    }
  }

  #draw(show, parts) {
    const frame = template();
    if (parts === this.#parts) this.#root.replaceChildren(frame.all);
    const inventory = new Inventory();
    const map = new SeatMap(frame.viewport, frame.paper, frame.tip, show);
    const sale = new SaleStatus(show, parts.base);
    Object.assign(parts, { frame, inventory, map, sale, show, choice: new SeatChoice(inventory, show) });
    this.#limit(parts);

    let ready = false;
    inventory.addEventListener("loaded", () => {
      if (parts !== this.#parts && parts !== this.#next) return;
      // What is lost is named as it was.
      const known = this.#parts.inventory ?? inventory;
      const { had, lost } = parts === this.#next ? this.#replace(parts) : { had: false, lost: [] };
      const seats = [...inventory.seats.values()];
      frame.all.classList.toggle("no-map", seats.length === 0);
      map.draw(show, seats, inventory.shapes);
      frame.viewport.classList.add("ready");
      lost.push(...parts.choice.labels.filter((label) => !inventory.seats.has(label)));
      parts.choice.drop(lost);
      if (lost.length > 0) {
        this.#announce(t("revised", { seats: lost.map((seat) => seatName(known.named(seat))).join(", ") }));
        this.#tell("seat-lost", { seats: lost });
      }
      // The prices may be others, too.
      if (had || lost.length > 0) this.#selected();
      this.#mark();
      this.#facts();
      if (!ready) this.#tell("ready", { show, seats: seats.length });
      ready = true;
    });
    inventory.addEventListener("changed", ({ detail }) => {
      if (parts !== this.#parts) return;
      map.paint(detail);
      this.#lose();
      this.#facts();
    });
    map.addEventListener("pick", ({ detail }) => this.#toggle(detail));
    sale.addEventListener("changed", () => {
      if (parts !== this.#parts) return;
      this.#facts();
      this.#tell("sale", { status: sale.show.status });
    });

    const feed = new Feed(show.id, inventory, parts.base, show.plan);
    parts.feed = feed;
    feed.addEventListener("status", () => parts === this.#parts && this.#status(feed.status));
    feed.addEventListener("gone", () => this.#fail("show_not_found", t("show_gone", { show: show.id })));
    // All maps hear it at once, and must not all ask at once.
    feed.addEventListener("revised", () => {
      clearTimeout(parts.later);
      parts.later = setTimeout(() => this.#revise(this.#parts), Math.random() * 2_000);
    });
    for (const [button, act] of [
      [frame.nearer, () => map.zoom.step(1.5)],
      [frame.farther, () => map.zoom.step(1 / 1.5)],
      [frame.whole, () => map.zoom.whole()],
    ]) {
      button.addEventListener("click", act);
    }
  }

  #close() {
    const [parts, next] = [this.#parts, this.#next];
    this.#parts = this.#next = undefined;
    this.#end(parts);
    this.#end(next);
  }

  #end(parts) {
    if (!parts) return;
    parts.closing.abort();
    clearTimeout(parts.later);
    parts.feed?.close();
    parts.sale?.close();
    parts.map?.close();
  }

  #limit({ choice, show } = this.#parts ?? {}) {
    if (!choice) return;
    const most = Number(this.getAttribute("max-seats"));
    choice.most = most >= 1 ? Math.min(most, show.max_seats_per_booking) : show.max_seats_per_booking;
  }

  // --- Choosing -----------------------------------------------------------------------------------

  #toggle(seat) {
    const { choice, map, sale } = this.#parts;
    if (choice.has(seat)) return this.drop(seat);
    const why = sale.onSale ? choice.add(seat, this.#held.includes(seat)) : saleFacts(sale.show);
    if (why) {
      map.refuse(seat);
      this.#announce(why);
      this.#tell("refused", { seat, reason: why });
      return;
    }
    this.#announce(t("chosen", { seat: seatName(this.#parts.inventory.named(seat)) }));
    this.#selected();
  }

  /** Drops chosen seats that somebody else has taken. */
  #lose() {
    const choice = this.#parts?.choice;
    if (!choice || this.#holding > 0) return;
    const gone = choice.gone.filter((seat) => !this.#held.includes(seat));
    if (gone.length === 0) return;
    choice.drop(gone);
    this.#announce(choice.lost(gone));
    this.#tell("seat-lost", { seats: gone });
    this.#selected();
  }

  #mark() {
    const { map, choice } = this.#parts ?? {};
    map?.mark([...this.#held, ...choice.labels]);
  }

  /** Reports the choice, once for all changes of one moment. */
  #selected() {
    this.#mark();
    if (this.#soon) return;
    this.#soon = true;
    queueMicrotask(() => {
      this.#soon = false;
      this.#tell("selection", this.selection);
    });
  }

  // --- Telling ------------------------------------------------------------------------------------

  #facts() {
    const { frame, inventory, sale } = this.#parts;
    const areas = [...inventory.areas.values()].filter((area) => !area.labelled);
    const lines = areas.map(({ area, available, capacity, price }) =>
      h("li", null, `${title(area)}, ${money(price, sale.show.currency)}`, h("span", null, t("left", { available, capacity }))),
    );
    frame.areas.replaceChildren(...lines);
    const text = saleFacts(sale.show) ?? (inventory.soldOut ? t("sold_out") : "");
    if (frame.facts.textContent !== text) frame.facts.textContent = text;
    frame.facts.hidden = text === "";
  }

  #status(status) {
    if (this.dataset.status === status) return;
    this.dataset.status = status;
    if (status === "reconnecting") this.#announce(t("reconnecting"));
    this.#tell("status", { status });
  }

  #fail(code, message) {
    if (this.#root.childElementCount === 0) this.#root.replaceChildren(h("p", { class: "frame", part: "error", role: "alert", lang: language }, message));
    this.#tell("error", { code, message });
  }

  #announce(text) {
    const announcer = this.#parts?.frame?.announcer;
    if (announcer) announcer.textContent = text;
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(`lastseat-${name}`, { detail, bubbles: true, composed: true }));
  }
}

/** The language of an element, as the page says: its own `lang`, else the nearest above it, out of shadow trees too. */
function nearest(element) {
  const found = element.closest("[lang]")?.getAttribute("lang");
  if (found) return found;
  const root = element.getRootNode();
  return root instanceof ShadowRoot ? nearest(root.host) : undefined;
}

/** Why nothing can be chosen now; `undefined` while the show is on sale. */
function saleFacts({ status, sale_opens_at }) {
  return {
    not_open: t("sale_opens", { time: moment(sale_opens_at ?? Date.now()) }),
    closed: t("sale_over"),
    paused: t("sale_paused"),
    cancelled: t("show_cancelled"),
  }[status];
}

function template() {
  const make = (tag, props, ...children) => h(tag, props, ...children);
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of [["id", "map"], ["role", "grid"], ["part", "map"], ["aria-label", t("grid")]]) {
    paper.setAttribute(name, value);
  }
  const viewport = make("div", { class: "viewport", part: "viewport", tabindex: "-1" }, make("div", { class: "sheet" }, paper));
  const tip = make("div", { class: "tip", part: "tip", hidden: true, "aria-hidden": "true" }, make("b"), make("span"));
  const [nearer, farther, whole] = [["+", t("nearer")], ["−", t("farther")], ["⤢", t("whole")]].map(([text, label]) =>
    make("button", { type: "button", "aria-label": label }, text),
  );
  const zoom = make("div", { class: "lens", part: "zoom", role: "group", "aria-label": t("zoom") }, nearer, farther, whole);
  const signs = [...STATES, "mine"].map((state) => make("li", null, sign(state), signName(state)));
  const legend = make("ul", { class: "legend", part: "legend", "aria-label": t("signs") }, signs);
  const areas = make("ul", { class: "areas", part: "areas" });
  const facts = make("p", { class: "facts", part: "facts", role: "status", hidden: true });
  const announcer = make("p", { class: "unseen", "aria-live": "polite" });
  const seating = make("section", { class: "seating", "aria-label": t("map") }, viewport, tip, zoom);
  const all = make("div", { class: "frame", lang: language }, seating, make("div", { class: "below" }, facts, areas, legend), announcer);
  return { all, viewport, paper, tip, nearer, farther, whole, areas, facts, announcer };
}

if (!customElements.get("lastseat-map")) customElements.define("lastseat-map", LastseatMap);
