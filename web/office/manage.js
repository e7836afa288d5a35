// Shows: made, paused, cancelled, refunded.

import { Problem } from "../api.js";
import { h, redraw, s } from "../dom.js";
import { layOut } from "../layout.js";
import { commandButton, outcomeBox, say } from "./asking.js";
import { t } from "./messages.js";

const ASK_AGAIN_MS = 2_000;

export class Manage {
  #timer = 0;
  #closed = false;

  constructor({ panel, call, show, again }) {
    if (show) panel.append(this.#control(call, show, again));
    panel.append(newShow(call, again));
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #control(call, show, again) {
    const outcome = outcomeBox();
    const path = `/v1/shows/${encodeURIComponent(show.id)}`;
    const progress = h("div");
    const button = (name, means, command) =>
      commandButton({ name: command, text: t(name), means: t(means), outcome, act: (key) => call("POST", `${path}/${command}`, { key }), done: again });
    const buttons = [];
    if (show.status === "paused") buttons.push(button("resume", "resume_means", "resume"));
    else if (["on_sale", "not_open"].includes(show.status)) buttons.push(button("pause", "pause_means", "pause"));
    if (show.status !== "cancelled") buttons.push(button("cancel_show", "cancel_show_means", "cancel"));
    else {
      const done = () => this.#follow(call, path, progress);
      buttons.push(commandButton({ name: "refunds", text: t("refund_show"), means: t("refund_show_means"), outcome, act: (key) => call("POST", `${path}/refunds`, { key }), done }));
      done();
    }
    return h("section", { class: "panel" }, h("h2", null, show.title), h("p", { class: "hint" }, t(`sale_${show.status}`)), outcome, h("div", { class: "toolbar" }, buttons), progress);
  }

  /** How far the refunds are, until there is nothing left to do. */
  async #follow(call, path, box) {
    try {
      const { body } = await call("GET", `${path}/refunds`);
      if (body.requested_by) {
        const { total, refunded, under_way, need_a_person: person, at_the_till: till } = body.bookings;
        redraw(
          box,
          h("h3", null, t("refunds")),
          h("progress", { max: Math.max(1, total), value: refunded, "aria-label": t("refunds") }),
          h("p", { role: "status" }, t("refunds_progress", { refunded, total, under_way })),
          person > 0 && h("p", { class: "notice" }, t("refunds_person", { count: person })),
          till > 0 && h("p", null, t("refunds_till", { count: till })),
        );
      }
      if (body.complete || !body.requested_by) return;
    } catch {
      // The next look may succeed.
    }
    if (!this.#closed) this.#timer = setTimeout(() => this.#follow(call, path, box), ASK_AGAIN_MS);
  }
}

// --- A new show ---------------------------------------------------------------------------------------

function newShow(call, again) {
  const outcome = outcomeBox();
  const input = (name, props) => h("label", { class: "field" }, t(name), h("input", { name, ...props }));
  const areas = h("div", { class: "stack" });
  const preview = s("svg", { class: "preview", role: "img", "aria-label": t("preview") });
  const addArea = (area = {}) => {
    const line = h(
      "fieldset",
      { class: "toolbar area" },
      input("area", { value: area.area ?? "", required: true, pattern: "[a-z0-9][a-z0-9_\\-]*" }),
      input("price", { type: "number", min: "0", step: "0.01", value: area.price ?? "", required: true }),
      input("rows", { type: "number", min: "0", max: "200", value: area.rows ?? "" }),
      input("seats_per_row", { type: "number", min: "0", max: "500", value: area.seats ?? "" }),
      input("capacity", { type: "number", min: "0", value: area.capacity ?? "" }),
    );
    areas.append(line);
    draw();
  };
  const form = h(
    "form",
    { class: "panel" },
    h("h2", null, t("new_show")),
    h(
      "div",
      { class: "toolbar" },
      input("id", { required: true, pattern: "[a-z0-9][a-z0-9_\\-]*", maxlength: "64" }),
      input("show_title", { required: true, maxlength: "200" }),
      input("venue", { maxlength: "200" }),
      input("starts_at", { type: "datetime-local" }),
      input("sale_opens_at", { type: "datetime-local" }),
      input("currency", { required: true, value: "EUR", pattern: "[A-Z]{3}", maxlength: "3", size: "4" }),
    ),
    areas,
    h("div", null, h("button", { type: "button", onclick: () => addArea() }, t("add_area"))),
    preview,
    outcome,
    h("div", null, commandButton({ name: "create", text: t("create"), primary: true, outcome, act: create, done: created })),
  );
  addArea({ area: "stalls", price: 50, rows: 10, seats: 20 });
  form.addEventListener("input", draw);
  form.addEventListener("submit", (event) => event.preventDefault());
  return form;

  function plan() {
    const digits = new Intl.NumberFormat("en", { style: "currency", currency: value("currency") || "EUR" }).resolvedOptions().maximumFractionDigits;
    let row = 0;
    return [...areas.children].map((line) => {
      const of = (name) => /** @type {HTMLInputElement} */ (line.querySelector(`[name=${name}]`)).value.trim();
      const [rows, seats] = [Number(of("rows")), Number(of("seats_per_row"))];
      const area = of("area");
      const price = Math.round(Number(of("price")) * 10 ** digits);
      const drawn = rows > 0 && seats > 0 ? { rows: Array.from({ length: rows }, () => ({ row: rowName(row++), seats })) } : { capacity: Number(of("capacity")) };
      return { area, price, ...drawn };
    });
  }

  function value(name) {
    return /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value.trim();
  }

  function draw() {
    if (!form) return;
    const seats = plan().flatMap(({ area, rows = [] }) => rows.flatMap(({ row, seats: count }) => Array.from({ length: Math.min(count, 500) }, (_, index) => ({ seat: `${row}-${index + 1}`, area }))));
    preview.replaceChildren();
    if (seats.length === 0 || seats.length > 20_000) return;
    const laid = layOut(plan().map(({ area, price, rows }) => ({ area, category: area, price, rows })), seats);
    preview.setAttribute("viewBox", `${laid.box.x} ${laid.box.y} ${laid.box.width} ${laid.box.height}`);
    preview.append(...laid.places.map(({ x, y }) => s("circle", { cx: x, cy: y, r: 7 })));
  }

  async function create(key) {
    if (!form.reportValidity()) throw new Problem(422, { code: "invalid_request", detail: nameOf(form.querySelector("input:invalid")) });
    const areasOfPlan = plan();
    const time = (name) => (value(name) ? new Date(value(name)).toISOString() : undefined);
    const body = {
      id: value("id"),
      title: value("show_title"),
      venue: value("venue") || undefined,
      starts_at: time("starts_at"),
      sale_opens_at: time("sale_opens_at"),
      currency: value("currency"),
      categories: areasOfPlan.map(({ area, price }) => ({ category: area, price })),
      areas: areasOfPlan.map(({ area, rows, capacity }) => ({ area, category: area, ...(rows ? { rows } : { capacity }) })),
    };
    return (await call("POST", "/v1/shows", { key, body })).body;
  }

  async function created({ title }) {
    await again();
    const box = document.querySelector("#tab-panel .panel:last-child .notice");
    if (box) say(/** @type {HTMLElement} */ (box), t("created", { title }), true);
  }
}

/** The name of a field, as its label has it. */
const nameOf = (input) => input?.closest("label")?.firstChild?.textContent ?? "";

/** A, B, … Z, AA, AB … */
function rowName(index) {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : rowName(Math.floor(index / 26) - 1) + letter;
}
