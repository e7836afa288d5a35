// The fields of the part that is chosen. What is typed is taken over at once, where it is possible; a number that is not leaves the
// plan as it is and is marked.

import { h } from "../../dom.js";
import { MOST_CURVE, MOST_IN_ROW, MOST_ROWS, MOST_SEATS } from "./geometry.js";
import { indexOfLetters, LETTERS, LISTED, NUMBERS, numbersIn, rowNames } from "./labels.js";
import { t } from "./messages.js";

const text = (name, more) => ({ name, read: (value) => value, show: (value) => value ?? "", ...more });
const figure = (name, min, max, step = 1) => ({
  name,
  props: { type: "number", min, max, step: step === 1 ? 1 : "any", inputmode: step === 1 && min >= 0 ? "numeric" : "decimal" },
  read: (value) => (value.trim() !== "" && Number(value) >= min && Number(value) <= max ? Number(value) : undefined),
  show: (value) => String(value ?? 0),
});
const choice = (name, options, change = (value) => ({ [name]: value })) => ({ name, options, read: (value) => value, show: (value) => value, change });
const list = (name, most) => ({ name, read: (value) => numbersIn(value, most), show: (value) => value.join(", ") });

const id = text("area", { props: { maxlength: 64, pattern: "[a-z0-9][a-z0-9_\\-]*" } });
const name = text("name", { props: { maxlength: 64 } });
const place = [figure("x", -900_000, 900_000, 0.5), figure("y", -900_000, 900_000, 0.5), figure("rotation", -180, 180)];
const size = [figure("width", 1, 900_000), figure("height", 1, 900_000)];
const sizeOfShape = size.map((field) => ({ ...field, when: ({ shape }) => shape !== "text" }));
/** A text has no size; what it becomes needs one. */
const shape = choice("shape", ["rectangle", "ellipse", "circle", "text"], (value, { width = 200, height = 40 }) => ({ shape: value, ...(value === "text" ? {} : { width, height }) }));

/** A change of how rows are named begins where the new names begin. */
const rowStyle = choice("rowStyle", [LETTERS, NUMBERS, LISTED], (value, section) => {
  const rowFrom = value === NUMBERS ? "1" : "A";
  return value === LISTED ? { rowStyle: value, rowNames: rowNames(section) } : { rowStyle: value, rowFrom };
});
const rowFrom = text("rowFrom", {
  props: { maxlength: 6 },
  read: (value, { rowStyle: style }) => {
    const typed = value.trim().toUpperCase();
    return (style === LETTERS ? indexOfLetters(typed) >= 0 : /^\d{1,6}$/.test(typed)) ? typed : undefined;
  },
});
const reversed = (field, no, yes) => ({ name: field, options: [no, yes], read: (value) => value === yes, show: (value) => (value ? yes : no) });
const steps = { name: "numberStep", options: ["every_number", "every_second"], read: (value) => (value === "every_second" ? 2 : 1), show: (value) => (value === 2 ? "every_second" : "every_number") };

/** By kind: groups of fields. `when` says for which section a field is there. */
const GROUPS = {
  rows: [
    ["group_section", [name, id, "category"]],
    ["group_rows", [figure("rows", 1, MOST_ROWS), list("seats", MOST_IN_ROW), { ...choice("align", ["left", "centre", "right"]), when: ({ seats }) => seats.length > 1 }, list("aisles", MOST_IN_ROW)]],
    ["group_place", [...place, figure("curve", 0, MOST_CURVE), figure("spacing", 0.5, 10_000, 0.5), figure("rowSpacing", 0.5, 10_000, 0.5)]],
    [
      "group_labels",
      [
        rowStyle,
        { ...rowFrom, when: (section) => section.rowStyle !== LISTED },
        { ...reversed("rowReversed", "front_to_back", "back_to_front"), when: (section) => section.rowStyle !== LISTED },
        { name: "rowNames", when: (section) => section.rowStyle === LISTED, read: (value) => value.split(",").map((row) => row.trim()), show: (value = []) => value.join(", ") },
        figure("numberFrom", 0, 99_999),
        reversed("numberReversed", "left_to_right", "right_to_left"),
        steps,
      ],
    ],
  ],
  fixed: [["group_section", [name, "category"]], ["group_place", place]],
  standing: [["group_section", [name, id, "category", figure("capacity", 1, MOST_SEATS)]], ["group_place", [...place, ...size]]],
  shape: [["group_shape", [shape, text("text", { props: { maxlength: 200 } })]], ["group_place", [...place, ...sizeOfShape]]],
  polygon: [["group_shape", [text("text", { props: { maxlength: 200 } })]], ["group_place", place]],
};

export class Inspector {
  element = h("div", { class: "plan-fields" });
  #change;
  #shown = "";
  #fields = [];
  #part;

  /** @param {(patch: object, about: string) => void} change takes over what was typed into a field */
  constructor(change) {
    this.#change = change;
  }

  /** Shows a part. Fields stay while the same part is shown, with the one that somebody types into as it is. */
  show(part, categories) {
    const kind = part.kind ?? (part.points?.length > 0 ? "polygon" : "shape");
    this.#part = part;
    const names = categories.map(({ category, name: printed }) => [category, printed ?? category]);
    const groups = GROUPS[kind].map(([title, fields]) => [title, fields.map((field) => (field === "category" ? { name: "category", options: names, read: (value) => value, show: (value) => value } : field)).filter(({ when }) => !when || when(part))]);
    const shown = JSON.stringify([part.key, groups.map(([, fields]) => fields.map((field) => [field.name, field.options]))]);
    if (shown !== this.#shown) this.#build(groups);
    this.#shown = shown;
    for (const { field, input } of this.#fields) {
      if (input === document.activeElement && input.tagName !== "SELECT") continue;
      input.value = field.show(part[field.name], part);
      input.removeAttribute("aria-invalid");
    }
  }

  /** The first field. */
  focus() {
    this.#fields[0]?.input.focus();
  }

  #build(groups) {
    const focused = this.element.contains(document.activeElement) ? /** @type {HTMLInputElement} */ (document.activeElement).name : "";
    this.#fields = [];
    this.element.replaceChildren(
      ...groups.map(([title, fields]) => h("fieldset", { class: "plan-group" }, h("legend", null, t(title)), fields.map((field) => this.#field(field)))),
    );
    this.#fields.find(({ input }) => input.name === focused)?.input.focus();
  }

  #field(field) {
    const input = field.options
      ? h("select", { name: field.name }, field.options.map((option) => (Array.isArray(option) ? h("option", { value: option[0] }, option[1]) : h("option", { value: option }, t(option)))))
      : h("input", { name: field.name, autocomplete: "off", ...field.props });
    const hint = t.has(`hint_${field.name}`) && h("span", { class: "hint", id: `hint-${field.name}` }, t(`hint_${field.name}`));
    if (hint) input.setAttribute("aria-describedby", hint.id);
    input.addEventListener("input", () => {
      const value = field.read(input.value, this.#part);
      if (value === undefined) return input.setAttribute("aria-invalid", "true");
      input.removeAttribute("aria-invalid");
      this.#change(field.change?.(value, this.#part) ?? { [field.name]: value }, `${this.#part.key} ${field.name}`);
    });
    // What could not be taken over gives way to what is drawn.
    input.addEventListener("change", () => {
      input.value = field.show(this.#part[field.name], this.#part);
      input.removeAttribute("aria-invalid");
    });
    this.#fields.push({ field, input });
    return h("label", { class: "field" }, h("span", null, t(`field_${field.name}`)), input, hint);
  }
}
