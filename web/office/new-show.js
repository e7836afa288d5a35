// The form for a new show: areas in rows of seats or without labels, or a plan that was drawn, with a preview of the map; and a picture,
// which is sent once the show is created.

import { newKey } from "../api.js";
import { h, redraw, s } from "../dom.js";
import { layOut } from "../layout.js";
import { drawShape } from "../map.js";
import { digitsOf } from "../words.js";
import { commandButton, outcomeBox, say, unread } from "./asking.js";
import { t } from "./messages.js";
import { described, PictureField } from "./picture-field.js";
import { t as pictureText } from "./picture-messages.js";
import { fromApi, toApi } from "./plan/document.js";
import { listPlans } from "./plan/plans.js";
import { seatsOnMap } from "./plan/preview.js";
import { latest } from "./plan/save.js";
import { instantOf, isZone } from "./zones.js";

/** What a form may name; the same bounds keep a slip of the finger from drawing a million seats. */
const [MOST_ROWS, MOST_IN_ROW, MOST_DRAWN] = [200, 500, 20_000];
const ID = "[a-z0-9][a-z0-9_\\-]*";

/** @param {() => Promise<unknown>} again draws the page with the new show */
export function newShow(call, again) {
  const outcome = outcomeBox();
  const input = (name, props) => h("label", { class: "field" }, t(name), h("input", { name, autocomplete: "off", ...props }));
  const areas = h("div", { class: "stack" });
  /** The plan that was chosen in place of areas, once it is read: `{ id, revision, drawn }`. */
  let chosen;
  const prices = h("div", { class: "toolbar" });
  const choice = h("select", { name: "plan", onchange: () => choosePlan(choice.value) }, h("option", { value: "" }, t("own_areas")));
  const planField = h("label", { class: "field", hidden: true }, t("seats_from"), choice);
  const preview = s("svg", { class: "preview", role: "img", "aria-label": t("preview") });
  const addArea = (area = {}) => {
    const remove = h("button", { type: "button", class: "plain", onclick: () => (line.remove(), draw()) }, t("remove_area"));
    const line = h(
      "fieldset",
      { class: "toolbar area" },
      input("area", { value: area.area ?? "", required: true, pattern: ID, maxlength: "64" }),
      input("price", { type: "number", min: "0", step: "any", value: area.price ?? "", required: true }),
      input("rows", { type: "number", min: "0", max: String(MOST_ROWS), value: area.rows ?? "" }),
      input("seats_per_row", { type: "number", min: "0", max: String(MOST_IN_ROW), value: area.seats ?? "" }),
      input("capacity", { type: "number", min: "0", value: area.capacity ?? "" }),
      areas.children.length > 0 && remove,
    );
    areas.append(line);
    draw();
  };
  const more = h("button", { type: "button", onclick: () => addArea() }, t("add_area"));
  const pictureOutcome = outcomeBox();
  const pictureBox = h("section", { class: "stack", "data-part": "picture" });
  const picture = new PictureField({ place: pictureBox, outcome: pictureOutcome, present: () => ({ text: pictureText("optional") }) });
  pictureBox.append(h("h3", null, pictureText("picture")), ...picture.parts, pictureOutcome);
  const form = h(
    "form",
    { class: "panel" },
    h("h2", null, t("new_show")),
    h(
      "div",
      { class: "toolbar" },
      input("id", { required: true, pattern: ID, maxlength: "64" }),
      input("show_title", { required: true, maxlength: "200" }),
      input("venue", { maxlength: "200" }),
      input("starts_at", { type: "datetime-local" }),
      input("sale_opens_at", { type: "datetime-local" }),
      input("timezone", { required: true, value: Intl.DateTimeFormat().resolvedOptions().timeZone, maxlength: "64" }),
      input("currency", { required: true, value: "EUR", pattern: "[A-Z]{3}", maxlength: "3", size: "4" }),
    ),
    h("p", { class: "hint" }, t("times_hint")),
    h("div", { class: "toolbar" }, planField),
    areas,
    prices,
    h("div", null, more),
    preview,
    pictureBox,
    outcome,
    h("div", null, createButton()),
  );
  addArea({ area: "stalls", price: 50, rows: 10, seats: 20 });
  form.addEventListener("input", draw);
  form.addEventListener("submit", (event) => event.preventDefault());
  offerPlans();
  return form;

  function createButton() {
    return commandButton({
      name: "create",
      text: t("create"),
      primary: true,
      outcome,
      may: () => (picture.isReading ? pictureText("reading") : mistake()),
      what: () => ({ show: body(), picture: picture.chosen?.blob, alt: picture.text }),
      act: async (key, { show }) => (await call("POST", "/v1/shows", { key, body: show })).body,
      done: created,
    });
  }

  /** The plans that there are; the address may name the one to begin with. */
  async function offerPlans() {
    const plans = await listPlans(call).catch(() => []);
    choice.append(...plans.map(({ plan, name }) => h("option", { value: plan }, name)));
    planField.hidden = plans.length === 0;
    const asked = new URLSearchParams(location.hash.slice(1)).get("plan");
    if (!asked || !plans.some(({ plan }) => plan === asked)) return;
    choice.value = asked;
    await choosePlan(asked);
    form.scrollIntoView({ block: "nearest" });
  }

  async function choosePlan(id) {
    const isOwn = id === "";
    areas.hidden = more.hidden = !isOwn;
    // What is hidden is not asked for.
    for (const field of areas.querySelectorAll("fieldset")) field.disabled = !isOwn;
    chosen = undefined;
    prices.replaceChildren();
    draw();
    if (isOwn) return;
    try {
      const { plan: drawn, revision } = await latest(call, id);
      if (choice.value !== id) return;
      chosen = { id, revision, drawn: fromApi(drawn) };
      const used = new Set(drawn.areas.map(({ category }) => category));
      const categories = drawn.categories.filter(({ category }) => used.has(category));
      redraw(prices, ...categories.map(({ category, name }) => h("label", { class: "field" }, t("price_of", { category: name ?? category }), h("input", { name: "price", "data-category": category, type: "number", min: "0", step: "any", required: true, autocomplete: "off" }))));
      draw();
    } catch (error) {
      say(outcome, unread(error));
    }
  }

  function value(name) {
    return /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value.trim();
  }

  function plan() {
    const unit = 10 ** digitsOf(value("currency"));
    const whole = (text, most) => Math.max(0, Math.min(most, Math.trunc(Number(text)) || 0));
    let row = 0;
    return [...areas.children].map((line) => {
      const of = (name) => /** @type {HTMLInputElement} */ (line.querySelector(`[name=${name}]`)).value.trim();
      const [rows, seats] = [whole(of("rows"), MOST_ROWS), whole(of("seats_per_row"), MOST_IN_ROW)];
      const drawn = rows > 0 && seats > 0 ? { rows: Array.from({ length: rows }, () => ({ row: rowName(row++), seats })) } : { capacity: Number(of("capacity")) };
      return { area: of("area"), price: Math.round(Number(of("price")) * unit), ...drawn };
    });
  }

  function draw() {
    if (!form) return;
    if (choice.value !== "") return show(chosen ? layOut([], seatsOnMap(chosen.drawn), toApi(chosen.drawn).shapes) : undefined);
    const areasOfPlan = plan();
    const count = areasOfPlan.reduce((sum, { rows = [] }) => sum + rows.reduce((all, { seats }) => all + seats, 0), 0);
    if (count === 0 || count > MOST_DRAWN) return show(undefined);
    const seats = areasOfPlan.flatMap(({ area, rows = [] }) => rows.flatMap(({ row, seats: inRow }) => Array.from({ length: inRow }, (_, index) => ({ seat: `${row}-${index + 1}`, area }))));
    show(layOut(areasOfPlan.map(({ area, price, rows }) => ({ area, category: area, price, rows })), seats));
  }

  function show(laid) {
    preview.replaceChildren();
    if (!laid || laid.places.length === 0 || laid.places.length > MOST_DRAWN) return;
    preview.setAttribute("viewBox", `${laid.box.x} ${laid.box.y} ${laid.box.width} ${laid.box.height}`);
    preview.append(...laid.shapes.map(drawShape), ...laid.places.map(({ x, y }) => s("circle", { cx: x, cy: y, r: 7 })));
  }

  /** What keeps it from being sent. */
  function mistake() {
    if (!form.reportValidity()) return nameOf(form.querySelector("input:invalid"));
    if (!isZone(value("timezone"))) return t("unknown_zone", { zone: value("timezone") });
    const digits = digitsOf(value("currency"));
    if (choice.value !== "" && !chosen) return t("plan_not_read");
    const asked = [.../** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("[name=price]:enabled"))].map((field) => field.value);
    const isExact = (text) => Math.abs(Number(text) * 10 ** digits - Math.round(Number(text) * 10 ** digits)) < 1e-6;
    return asked.every(isExact) ? undefined : t("price_digits", { count: digits, currency: value("currency") });
  }

  /** As it is now: once it was sent and had no answer, the same is sent again, whatever was typed since. */
  function body() {
    const zone = value("timezone");
    const time = (name) => (value(name) ? instantOf(value(name), zone).toISOString() : undefined);
    return {
      id: value("id"),
      title: value("show_title"),
      venue: value("venue") || undefined,
      starts_at: time("starts_at"),
      sale_opens_at: time("sale_opens_at"),
      timezone: zone,
      currency: value("currency"),
      ...(chosen ? seatsOfPlan() : seatsOfAreas()),
    };
  }

  function seatsOfAreas() {
    const areasOfPlan = plan();
    return {
      categories: areasOfPlan.map(({ area, price }) => ({ category: area, price })),
      areas: areasOfPlan.map(({ area, rows, capacity }) => ({ area, category: area, ...(rows ? { rows } : { capacity }) })),
    };
  }

  function seatsOfPlan() {
    const unit = 10 ** digitsOf(value("currency"));
    const fields = [.../** @type {NodeListOf<HTMLInputElement>} */ (prices.querySelectorAll("input"))];
    return {
      categories: fields.map(({ dataset, value: price }) => ({ category: dataset.category, price: Math.round(Number(price) * unit) })),
      plan: chosen.id,
      plan_revision: chosen.revision,
    };
  }

  async function created({ id, title }, { picture: file, alt }) {
    const why = file && (await sendPicture(id, file, alt));
    // The place to choose it again is the new show's.
    if (why) openShow(id);
    await again();
    const box = /** @type {HTMLElement | null} */ (document.querySelector("#tab-panel .panel:last-child > .notice"));
    if (box) say(box, why ? pictureText("created_without", { title, why }) : t("created", { title }), !why);
  }

  /** Says what went wrong, if so: the show is there all the same. */
  async function sendPicture(id, file, alt) {
    try {
      await call("PUT", `/v1/shows/${encodeURIComponent(id)}/picture${described(alt)}`, { key: newKey(), body: file });
      return undefined;
    } catch (error) {
      return unread(error);
    }
  }
}

/** For the page as it is drawn next. */
function openShow(id) {
  const place = new URLSearchParams(location.hash.slice(1));
  place.set("show", id);
  history.replaceState(null, "", `#${place}`);
}

/** The name of a field, as its label has it. */
const nameOf = (input) => input?.closest("label")?.firstChild?.textContent ?? "";

/** A, B, … Z, AA, AB … */
function rowName(index) {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : rowName(Math.floor(index / 26) - 1) + letter;
}
