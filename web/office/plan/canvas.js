// The plan on paper: sections and shapes that are chosen, dragged and moved by keys. Seats look as on the shop's map.

import { h, redraw, s } from "../../dom.js";
import { outline } from "../../shapes.js";
import { number } from "../../words.js";
import { boxOf, seatsOfPlan, stepOf } from "./document.js";
import { SEAT, around, rowsOf } from "./geometry.js";
import { t } from "./messages.js";

/** With more seats than this they are dots, and rows have no names: outlines of a large house take too long. */
const MANY = 4_000;
const TONES = 3;
/** Pixels that a pointer moves before it drags. */
const SLACK = 4;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Canvas extends EventTarget {
  #layer = s("g");
  #svg = s("svg", { class: "plan-paper", role: "group", "aria-label": t("paper") }, this.#layer);
  element = h("div", { class: "plan-view" }, this.#svg, this.#tools());
  #plan;
  #selected;
  #wrong = new Set();
  /** Elements by key, while what they show is the same. */
  #drawn = new Map();
  #view;
  /** Whether the view follows what is drawn. */
  #fits = true;

  constructor() {
    super();
    this.#listenToPointer();
    this.#svg.addEventListener("keydown", (event) => this.#key(event));
    this.#svg.addEventListener("focusin", ({ target }) => this.#select(target.dataset.key));
  }

  /** `wrong`: keys of parts that something is wrong with. */
  draw(plan, selected, wrong = []) {
    const step = stepOf(plan);
    const many = seatsOfPlan(plan) > MANY;
    const tones = new Map(plan.categories.map(({ category }, index) => [category, index % TONES]));
    [this.#plan, this.#selected, this.#wrong] = [plan, selected, new Set(wrong)];
    const drawn = new Map();
    const elements = [...plan.shapes, ...plan.sections].map((part) => {
      const look = JSON.stringify([selected === part.key, this.#wrong.has(part.key), tones.get(part.category), step, many]);
      const known = this.#drawn.get(part.key);
      const entry = known?.part === part && known.look === look ? known : { part, look, element: this.#part(part, tones.get(part.category), step, many) };
      drawn.set(part.key, entry);
      return entry.element;
    });
    this.#drawn = drawn;
    redraw(this.#layer, ...elements);
    if (this.#fits) this.fit();
  }

  /** Shows all. */
  fit() {
    this.#fits = true;
    const box = this.#plan && boxOf(this.#plan);
    const { left, top, right, bottom } = box ?? { left: -200, top: -100, right: 200, bottom: 100 };
    const margin = this.#plan ? stepOf(this.#plan) * 3 : 40;
    this.#look({ x: left - margin, y: top - margin, width: right - left + 2 * margin, height: bottom - top + 2 * margin });
  }

  zoom(factor) {
    this.#fits = false;
    const { x, y, width, height } = this.#view;
    this.#look({ x: x + (width * (1 - 1 / factor)) / 2, y: y + (height * (1 - 1 / factor)) / 2, width: width / factor, height: height / factor });
  }

  /** Puts the focus on a part. */
  focus(key) {
    /** @type {any} */ (this.#drawn.get(key)?.element.firstElementChild)?.focus({ preventScroll: true });
  }

  #look(view) {
    this.#view = view;
    this.#svg.setAttribute("viewBox", `${view.x} ${view.y} ${view.width} ${view.height}`);
  }

  #tools() {
    const button = (name, sign, act) => h("button", { type: "button", "aria-label": t(name), title: t(name), onclick: act }, h("span", { "aria-hidden": "true" }, sign));
    return h("div", { class: "plan-zoom" }, button("nearer", "+", () => this.zoom(1.4)), button("farther", "−", () => this.zoom(1 / 1.4)), button("whole", "⤢", () => this.fit()));
  }

  // --- Parts --------------------------------------------------------------------------------------

  #part(part, tone, step, many) {
    const name = part.area === undefined ? shapeName(part) : part.name.trim() || part.area;
    const looks = { wrong: this.#wrong.has(part.key), chosen: this.#selected === part.key, [`tone-${tone}`]: tone !== undefined };
    const classes = ["plan-part", part.kind ?? "shape", ...Object.keys(looks).filter((look) => looks[look])];
    const props = {
      tabindex: "0",
      role: "button",
      "aria-pressed": String(this.#selected === part.key),
      "aria-label": t("part_label", { name, count: part.kind ? seatsOfPlan({ sections: [part] }) : 0, x: part.x, y: part.y }),
      data: { key: part.key },
    };
    // What is written on it is not its name: the letters of rows would be read out one by one.
    const whole = (shapes, texts) => s("g", { class: classes.join(" ") }, s("g", props, shapes), s("g", { "aria-hidden": "true" }, texts));
    if (part.kind === undefined || part.kind === "standing") return whole(...figure(part, name, step));
    const rows = rowsOf(part).filter(({ seats }) => seats.length > 0);
    const line = rows.map(({ seats }) => `M${seats.map(({ x, y }) => `${x} ${y}`).join("L")}${seats.length === 1 ? "h0.01" : ""}`).join("");
    const wide = Math.max(step, part.rowSpacing ?? step * 1.1);
    const scale = step / SEAT;
    const seats = many
      ? s("path", { class: "dots", d: rows.flatMap((row) => row.seats.map(({ x, y }) => `M${x} ${y}h0.01`)).join(""), "stroke-width": step * 0.72 })
      : s("path", { class: "seat", transform: scale === 1 ? undefined : `scale(${scale})`, d: rows.flatMap((row) => row.seats.map(({ x, y, turn }) => outline("available", { x: x / scale, y: y / scale, turn }))).join("") });
    const title = s("text", { class: "plan-name", ...above(rows, step), "font-size": step * 0.75 }, name);
    return whole([s("path", { class: "rows", d: line, "stroke-width": wide }), seats], [...(many ? [] : rows.flatMap((row) => rowEnds(row, step))), title]);
  }

  // --- Pointer ------------------------------------------------------------------------------------

  #listenToPointer() {
    let drag;
    this.#svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const element = event.target.closest("[data-key]");
      const part = element && this.#drawn.get(element.dataset.key)?.part;
      // A finger on the paper itself scrolls the page.
      if (!part && event.pointerType !== "mouse") return;
      drag = { part, x: event.clientX, y: event.clientY, view: this.#view, moved: false };
      if (part) this.#select(part.key);
      this.#svg.setPointerCapture(event.pointerId);
    });
    this.#svg.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const unit = this.#unit();
      const [dx, dy] = [(event.clientX - drag.x) * unit, (event.clientY - drag.y) * unit];
      drag.moved ||= Math.hypot(dx, dy) > SLACK * unit;
      if (!drag.moved) return;
      if (!drag.part) {
        this.#fits = false;
        return this.#look({ ...drag.view, x: drag.view.x - dx, y: drag.view.y - dy });
      }
      // With Alt it may be anywhere; else where a quarter of a seat fits.
      const snap = event.altKey ? 0.5 : Math.max(0.5, Math.round(stepOf(this.#plan) / 2) / 2);
      const [x, y] = [Math.round((drag.part.x + dx) / snap) * snap, Math.round((drag.part.y + dy) / snap) * snap];
      drag.to = { x, y };
      this.#drawn.get(drag.part.key)?.element.setAttribute("transform", `translate(${x - drag.part.x} ${y - drag.part.y})`);
    });
    const end = (event) => {
      if (!drag) return;
      const { part, to } = drag;
      drag = undefined;
      if (!part) return;
      this.#drawn.get(part.key)?.element.removeAttribute("transform");
      if (to && event.type === "pointerup") this.#say("move", { key: part.key, ...to });
      // It was drawn again: the keys go on from where the pointer was.
      this.focus(part.key);
    };
    for (const name of ["pointerup", "pointercancel"]) this.#svg.addEventListener(name, end);
    this.#svg.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 200));
    }, { passive: false });
  }

  /** Units of the plan in a pixel. */
  #unit() {
    const { width, height } = this.#svg.getBoundingClientRect();
    return Math.max(this.#view.width / width, this.#view.height / height);
  }

  // --- Keyboard -----------------------------------------------------------------------------------

  #key(event) {
    const part = this.#drawn.get(event.target.dataset.key)?.part;
    if (!part || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    const far = event.shiftKey ? 1 : Math.max(0.5, Math.round(stepOf(this.#plan)) / 2);
    if (arrow) this.#say("move", { key: part.key, x: part.x + arrow[0] * far, y: part.y + arrow[1] * far, steps: true });
    else if (event.key.toLowerCase() === "r") this.#say("turn", { key: part.key, rotation: part.rotation + (event.shiftKey ? -5 : 5) });
    else if (event.key === "Delete") this.#say("remove", { key: part.key });
    else if (event.key === "Enter" || event.key === " ") this.#say("edit", { key: part.key });
    else return;
    event.preventDefault();
  }

  #select(key) {
    if (key !== undefined && key !== this.#selected) this.#say("select", { key });
  }

  #say(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** What a shape is called. */
export const shapeName = ({ text, shape }) => text?.trim() || t(`shape_${shape}`);

/** A shape, or the outline of a section without numbers; and its text. */
function figure(part, name, step) {
  const { x, y, width = 0, height = 0, rotation = 0, points = [], kind } = part;
  const shape = part.shape ?? part.outline?.shape ?? "rectangle";
  const body = {
    rectangle: () => s("rect", { x: -width / 2, y: -height / 2, width, height, rx: Math.min(width, height) / 12 }),
    circle: () => s("ellipse", { rx: width / 2, ry: height / 2 }),
    ellipse: () => s("ellipse", { rx: width / 2, ry: height / 2 }),
    polygon: () => s("polygon", { points: points.map((point) => point.join(" ")).join(",") }),
    text: () => s("rect", { class: "unseen-box", x: -step * 2, y: -step / 2, width: step * 4, height: step }),
  }[shape];
  const box = points.length > 0 ? around(points.map(([left, top]) => ({ x: left, y: top }))) : { left: 0, right: 0, top: 0, bottom: 0 };
  const size = Math.max(step * 0.55, Math.min(step * 1.1, (width || step * 8) / 8));
  const label = kind === "standing" ? `${name} · ${number(part.capacity)}` : part.text?.trim();
  const text = label && s("text", { class: "plan-name", x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2, dy: "0.35em", "font-size": size }, label);
  const placed = (what) => [s("g", { transform: `translate(${x} ${y}) rotate(${rotation})` }, what)];
  return [placed(body?.()), placed(text)];
}

/** Where the name of a section is: before the middle of its front row, or above one that is turned to the side. */
function above(rows, step) {
  const front = rows[0]?.seats;
  if (!front) return { x: 0, y: 0 };
  const middle = front[front.length >> 1];
  const { left, right, top } = around(rows.flatMap(({ seats }) => seats));
  if (Math.abs(Math.sin((middle.turn * Math.PI) / 180)) > 0.5) return { x: (left + right) / 2, y: top - step * 1.7 };
  return { x: (around(front).left + around(front).right) / 2, y: middle.y - step * 0.95 };
}

/** The name of a row at both its ends. */
function rowEnds({ row, seats }, step) {
  const ends = [[seats[0], seats[1], -1], [seats[seats.length - 1], seats[seats.length - 2], 1]];
  return ends.map(([end, next, side]) => {
    const [dx, dy] = next ? [end.x - next.x, end.y - next.y] : [side, 0];
    const length = Math.hypot(dx, dy) || 1;
    return s("text", { class: "plan-row", x: end.x + (dx / length) * step * 0.9, y: end.y + (dy / length) * step * 0.9, dy: "0.35em", "font-size": step * 0.5 }, row);
  });
}
