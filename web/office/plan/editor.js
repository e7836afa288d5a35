// The plan editor: paper, the list of parts, the fields of the one that is chosen, files, steps back and forth, saving.

import { announce, h, redraw } from "../../dom.js";
import { number } from "../../words.js";
import { ask, commandButton, outcomeBox, say, unread } from "../asking.js";
import { Canvas, shapeName } from "./canvas.js";
import { asFixed, bounded, copyOf, fromApi, newKey, newRows, newStanding, problemsOf, seatsOfPlan } from "./document.js";
import { dropDraft, keepDraft, NEW } from "./draft.js";
import { FileProblem } from "./file-problem.js";
import { saveAs, withFile } from "./files.js";
import { countOf } from "./geometry.js";
import { History } from "./history.js";
import { Inspector } from "./inspector.js";
import { slug } from "./labels.js";
import { t } from "./messages.js";
import { Preview } from "./preview.js";
import { latest, save } from "./save.js";

const KEEP_MS = 400;
const PREVIEW_MS = 250;
/** What the body of a request may have. */
const MOST_BYTES = 32 << 20;

export class Editor {
  element = h("div", { class: "plan-editor" });
  #call;
  #maySave;
  #done;
  #history;
  /** The revision that this one is to follow. */
  #base;
  #selected;
  #timers = { keep: 0, preview: 0 };
  #unsaved;
  /** Whether a save has no answer yet. */
  #isSaving = false;
  #canvas = new Canvas();
  #inspector;
  #preview = new Preview();
  #outcome = outcomeBox();
  #conflict = h("div", { class: "notice", role: "alert", hidden: true });
  #parts = h("ul", { class: "plan-parts" });
  #problems = h("ul", { class: "plan-problems" });
  #status = h("p", { class: "hint", role: "status" });
  #categories = h("div", { class: "stack" });
  #chosen = h("div", { class: "stack" });
  #fields = {};
  #buttons = {};
  #leaving = new AbortController();

  /**
   * `document` is what to begin with, `base` the revision that it is of: `{ etag, revision }`. `isDraft`: it has changes that are not saved.
   *
   * @param {{ call: any, document: any, base: { etag: string, revision: number }, isDraft: boolean, maySave: boolean, leave: () => void, named: (plan: string) => void, putOnSale: (plan: string) => void, reload: () => void }} options
   */
  constructor({ call, document, base, isDraft, maySave, leave, named, putOnSale, reload }) {
    this.#call = call;
    this.#maySave = maySave;
    this.#done = { leave, named, putOnSale, reload };
    this.#base = base;
    this.#history = new History(document);
    this.#unsaved = isDraft;
    this.#selected = document.sections[0]?.key;
    this.#inspector = new Inspector((patch, about) => this.#changePart(this.#selected, patch, about));
    this.#build();
    this.#listen();
    this.#draw();
    if (isDraft) this.#sayDraft();
  }

  get #plan() {
    return this.#history.state;
  }

  close() {
    this.#leaving.abort();
    if (this.#timers.keep) this.#keep();
    clearTimeout(this.#timers.preview);
    this.#preview.close();
  }

  // --- Steps --------------------------------------------------------------------------------------

  #take(plan, about) {
    this.#history.push(plan, about);
    this.#changed();
  }

  #changed() {
    this.#unsaved = true;
    clearTimeout(this.#timers.keep);
    this.#timers.keep = setTimeout(() => this.#keep(), KEEP_MS);
    const problems = this.#draw().map(problemText);
    const isOver = !this.#isSaving && !this.#outcome.classList.contains("good") && !problems.includes(this.#outcome.textContent);
    if (isOver) say(this.#outcome, "");
  }

  #keep() {
    clearTimeout(this.#timers.keep);
    this.#timers.keep = 0;
    const kept = keepDraft(this.#base.revision === 0 ? NEW : this.#plan.plan, { document: this.#plan, ...this.#base });
    this.#showStatus(kept ? "draft_kept" : "draft_not_kept");
  }

  #step(back) {
    if (back ? !this.#history.canUndo : !this.#history.canRedo) return;
    if (back) this.#history.undo();
    else this.#history.redo();
    this.#changed();
    announce(t(back ? "undone" : "redone"));
  }

  #changePart(key, patch, about) {
    const change = (part) => (part.key === key ? bounded({ ...part, ...patch }) : part);
    this.#take({ ...this.#plan, sections: this.#plan.sections.map(change), shapes: this.#plan.shapes.map(change) }, about);
  }

  #part(key = this.#selected) {
    return [...this.#plan.sections, ...this.#plan.shapes].find((part) => part.key === key);
  }

  #add(part, plan = this.#plan) {
    this.#selected = part.key;
    this.#take(part.area === undefined ? { ...plan, shapes: [...plan.shapes, part] } : { ...plan, sections: [...plan.sections, part] });
    announce(t("added", { name: nameOf(part) }));
    this.#inspector.focus();
  }

  #remove(key) {
    const part = this.#part(key);
    if (!part) return;
    const others = ({ key: other }) => other !== key;
    const sections = this.#plan.sections.filter(others);
    // The outline of an area goes with it.
    const shapes = this.#plan.shapes.filter(others).filter(({ area }) => area === undefined || area !== part.area);
    this.#selected = sections[0]?.key;
    this.#take({ ...this.#plan, sections, shapes });
    announce(t("removed", { name: nameOf(part) }));
    /** @type {HTMLElement | null} */ (this.#parts.querySelector("button"))?.focus();
  }

  #order(by) {
    const sections = [...this.#plan.sections];
    const from = sections.findIndex(({ key }) => key === this.#selected);
    const to = from + by;
    if (from < 0 || to < 0 || to >= sections.length) return;
    sections.splice(to, 0, ...sections.splice(from, 1));
    this.#take({ ...this.#plan, sections });
  }

  #select(key) {
    if (key === this.#selected) return;
    this.#selected = key;
    this.#history.pause();
    this.#draw();
  }

  // --- The page -----------------------------------------------------------------------------------

  #build() {
    const act = (name, press, more) => (this.#buttons[name] = h("button", { type: "button", onclick: press, "data-act": name, ...more }, t(name)));
    const field = (name, change, props) => {
      const input = (this.#fields[name] = h("input", { name: `plan_${name}`, autocomplete: "off", ...props }));
      input.addEventListener("input", () => this.#take({ ...this.#plan, ...change(input.value) }, `plan ${name}`));
      return h("label", { class: "field" }, t(`plan_${name}`), input);
    };
    const isNew = this.#base.revision === 0;
    let ownId = Boolean(this.#plan.plan);
    const name = field("name", (value) => ({ name: value, ...(isNew && this.#base.revision === 0 && !ownId ? { plan: slug(value) } : {}) }), { maxlength: 200, required: true });
    const id = field("id", (value) => ((ownId = true), { plan: value.trim() }), { maxlength: 64, pattern: "[a-z0-9][a-z0-9_\\-]*", required: true, readonly: !isNew });
    const file = h("input", { type: "file", accept: ".csv,.json,.txt,.tsv,text/csv,application/json", class: "unseen", tabindex: "-1", "aria-hidden": "true", onchange: () => this.#import(file) });
    const saves = this.#maySave && commandButton({ name: "save_plan", text: t("save_plan"), primary: true, outcome: this.#outcome, may: () => this.#mistake(), what: () => ({ plan: this.#plan, etag: this.#base.etag }), pending: (isPending) => (this.#isSaving = isPending), act: (key, { plan, etag }) => save(this.#call, plan, etag, key), done: (answer, { plan }) => this.#saved(answer, plan) });
    this.element.replaceChildren(
      h(
        "div",
        { class: "toolbar" },
        h("button", { type: "button", class: "plain", onclick: () => this.#done.leave() }, t("all_plans")),
        name,
        id,
        act("undo", () => this.#step(true)),
        act("redo", () => this.#step(false)),
        act("import", () => file.click()),
        file,
        act("export_json", () => saveAs(this.#plan, "json")),
        act("export_csv", () => saveAs(this.#plan, "csv")),
        saves,
      ),
      this.#outcome,
      this.#conflict,
      this.#status,
      h(
        "div",
        { class: "plan-work" },
        h("section", { class: "stack", "aria-label": t("paper") }, this.#canvas.element, h("p", { class: "hint" }, t("paper_hint")), this.#problems),
        h(
          "section",
          { class: "stack", "aria-label": t("parts") },
          h("div", { class: "panel" }, h("h2", { tabindex: "-1" }, t("parts")), this.#parts, h("div", { class: "toolbar" }, this.#adders())),
          this.#chosen,
          h("details", { class: "panel" }, h("summary", null, t("categories")), h("p", { class: "hint" }, t("categories_hint")), this.#categories),
        ),
      ),
      h("section", { class: "stack", "aria-label": t("preview") }, h("h2", null, t("preview")), h("p", { class: "hint" }, t("preview_hint")), this.#preview.element),
    );
  }

  #adders() {
    const button = (name, part) => h("button", { type: "button", "data-act": name, onclick: () => this.#add(part()) }, t(name));
    const count = () => this.#plan.sections.length + 1;
    return [
      button("add_rows", () => newRows(this.#plan, t("new_section", { number: count() }))),
      button("add_standing", () => newStanding(this.#plan, t("new_standing", { number: count() }))),
      button("add_shape", () => ({ key: newKey(), shape: "rectangle", x: 0, y: -60, width: 320, height: 44, rotation: 0, text: t("stage") })),
      button("add_text", () => ({ key: newKey(), shape: "text", x: 0, y: -100, rotation: 0, text: t("new_text") })),
    ];
  }

  #listen() {
    this.#canvas.addEventListener("select", ({ detail }) => this.#select(detail.key));
    this.#canvas.addEventListener("move", ({ detail: { key, x, y, steps } }) => {
      this.#changePart(key, { x, y }, steps ? `${key} arrows` : undefined);
      announce(t("moved", { name: nameOf(this.#part(key)), x, y }));
    });
    this.#canvas.addEventListener("turn", ({ detail: { key, rotation } }) => {
      this.#changePart(key, { rotation }, `${key} turn`);
      announce(t("turned", { name: nameOf(this.#part(key)), degrees: this.#part(key).rotation }));
    });
    this.#canvas.addEventListener("remove", ({ detail }) => this.#remove(detail.key));
    this.#canvas.addEventListener("edit", ({ detail }) => {
      this.#select(detail.key);
      this.#inspector.focus();
    });
    const { signal } = this.#leaving;
    this.element.addEventListener("keydown", (event) => {
      // A field has its own steps back.
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target instanceof HTMLInputElement) return;
      const key = event.key.toLowerCase();
      if (key !== "z" && key !== "y") return;
      event.preventDefault();
      this.#step(key === "z" && !event.shiftKey);
    });
    window.addEventListener("pagehide", () => this.#timers.keep && this.#keep(), { signal });
  }

  /** Returns what is wrong with the plan. */
  #draw() {
    const plan = this.#plan;
    const problems = problemsOf(plan);
    this.#canvas.draw(plan, this.#selected, problems.map(({ key }) => key));
    for (const [name, input] of Object.entries(this.#fields)) {
      const value = name === "id" ? plan.plan : plan.name;
      if (input !== document.activeElement && input.value !== value) input.value = value;
    }
    this.#fields.id.readOnly = this.#base.revision > 0;
    this.#buttons.undo.disabled = !this.#history.canUndo;
    this.#buttons.redo.disabled = !this.#history.canRedo;
    redraw(
      this.#parts,
      ...[...plan.sections, ...plan.shapes].map((part) =>
        h("li", null, h("button", { type: "button", "data-key": part.key, "aria-pressed": String(part.key === this.#selected), onclick: () => this.#select(part.key) }, h("span", null, nameOf(part)), part.kind && h("span", { class: "hint" }, number(countOf(part))))),
      ),
    );
    redraw(this.#problems, ...problems.map((problem) => h("li", { class: problem.warning ? "" : "bad" }, problemText(problem))));
    this.#drawChosen();
    this.#drawCategories();
    this.#showStatus(this.#unsaved ? "not_saved" : "saved");
    clearTimeout(this.#timers.preview);
    // A large house takes a moment, and somebody may be typing.
    this.#timers.preview = setTimeout(() => this.#preview.draw(this.#plan), PREVIEW_MS);
    return problems;
  }

  #drawChosen() {
    const part = this.#part();
    if (!part) return this.#chosen.replaceChildren(h("p", { class: "empty" }, t("nothing_chosen")));
    this.#inspector.show(part, this.#plan.categories);
    const isSection = part.kind !== undefined;
    const button = (name, press) => h("button", { type: "button", class: "plain", "data-key": `act ${name}`, "data-act": name, onclick: press }, t(name));
    const duplicate = () => this.#add(copyOf(this.#plan, part, t("copy_name", { name: part.name })));
    const loosen = () => ask(t("loosen"), t("loosen_means"), () => this.#take({ ...this.#plan, sections: this.#plan.sections.map((section) => (section === part ? asFixed(part) : section)) }));
    const head = h("h2", null, nameOf(part));
    const kind = part.kind === "fixed" && h("p", { class: "hint" }, t("fixed_hint"));
    const tools = h("div", { class: "toolbar" }, button("duplicate", duplicate), isSection && button("earlier", () => this.#order(-1)), isSection && button("later", () => this.#order(1)), part.kind === "rows" && button("loosen", loosen), button("remove", () => this.#remove(part.key)));
    const panel = this.#chosen.firstElementChild?.classList.contains("plan-chosen") ? this.#chosen.firstElementChild : h("div", { class: "panel plan-chosen" });
    redraw(panel, head, kind, this.#inspector.element, tools);
    if (panel.parentNode !== this.#chosen) this.#chosen.replaceChildren(panel);
  }

  #drawCategories() {
    const { categories, sections } = this.#plan;
    const line = ({ category, name = "" }, index) => {
      const change = (patch) => this.#take({ ...this.#plan, categories: categories.map((known, place) => (place === index ? { ...known, ...patch } : known)) }, `category ${index}`);
      const used = sections.some((section) => section.category === category);
      return h(
        "div",
        { class: "toolbar" },
        h("span", { class: "plan-category" }, category),
        h("label", { class: "field" }, t("category_name"), h("input", { "data-key": `category ${index}`, maxlength: 64, value: name, onchange: ({ target }) => change({ name: target.value.trim() || undefined }) })),
        !used && h("button", { type: "button", class: "plain", onclick: () => this.#take({ ...this.#plan, categories: categories.filter((_, place) => place !== index) }) }, t("remove")),
      );
    };
    const name = h("input", { name: "new_category", maxlength: 64, "data-key": "new category", value: /** @type {HTMLInputElement | null} */ (this.#categories.querySelector("[name=new_category]"))?.value ?? "" });
    const add = () => {
      const category = slug(name.value);
      if (!category || categories.some((known) => known.category === category)) return say(this.#outcome, t("category_exists"));
      const printed = name.value.trim() === category ? undefined : name.value.trim();
      name.value = "";
      this.#take({ ...this.#plan, categories: [...categories, { category, ...(printed ? { name: printed } : {}) }] });
    };
    redraw(this.#categories, ...categories.map(line), h("div", { class: "toolbar" }, h("label", { class: "field" }, t("new_category"), name), h("button", { type: "button", "data-act": "add_category", "data-key": "add category", onclick: add }, t("add_category"))));
  }

  #showStatus(kept) {
    const count = t("count_of_plan", { count: seatsOfPlan(this.#plan) });
    const revision = this.#base.revision > 0 ? t("of_revision", { revision: this.#base.revision }) : t("no_revision");
    const text = [count, revision, t(kept)].join(" · ");
    if (this.#status.textContent !== text) this.#status.textContent = text;
  }

  #sayDraft() {
    const discard = () => {
      dropDraft(this.#base.revision === 0 ? NEW : this.#plan.plan);
      clearTimeout(this.#timers.keep);
      this.#timers.keep = 0;
      this.#done.reload();
    };
    this.#say(t("is_draft"), h("button", { type: "button", "data-act": "discard", onclick: () => ask(t("discard"), t("discard_means"), discard) }, t("discard")));
  }

  #say(text, ...buttons) {
    this.#conflict.hidden = false;
    this.#conflict.replaceChildren(h("p", null, text), h("div", { class: "toolbar" }, buttons));
  }

  // --- Files --------------------------------------------------------------------------------------

  async #import(input) {
    const [file] = input.files;
    if (!file) return;
    input.value = "";
    if (file.size > MOST_BYTES) return say(this.#outcome, t("file_too_large", { file: file.name }));
    try {
      const before = seatsOfPlan(this.#plan);
      const plan = withFile(await file.text(), this.#plan, file.name);
      this.#selected = plan.sections[plan.sections.length - 1]?.key;
      this.#take(plan);
      this.#canvas.fit();
      say(this.#outcome, t("imported", { file: file.name, count: seatsOfPlan(plan), before }), true);
    } catch (error) {
      if (!(error instanceof FileProblem)) return say(this.#outcome, t("unreadable_file", { file: file.name }));
      say(this.#outcome, t("in_line", { file: file.name, line: error.line, problem: t(`file_${error.code}`, error.values) }));
    }
  }

  // --- Saving -------------------------------------------------------------------------------------

  /** What keeps it from being sent. */
  #mistake() {
    const wrong = problemsOf(this.#plan).find(({ warning }) => !warning);
    if (!wrong) return undefined;
    if (wrong.key) this.#select(wrong.key);
    return problemText(wrong);
  }

  /** `saved` is the plan that was sent: somebody may have gone on drawing meanwhile. */
  #saved({ etag, revision, conflict, isNew }, saved) {
    if (conflict !== undefined) return this.#sayConflict(conflict);
    clearTimeout(this.#timers.keep);
    this.#timers.keep = 0;
    const { plan } = saved;
    dropDraft(this.#base.revision === 0 ? NEW : plan);
    this.#base = { etag, revision };
    this.#unsaved = this.#plan !== saved;
    this.#history.pause();
    this.#conflict.hidden = true;
    // What was drawn meanwhile is of the plan that there is now.
    if (this.#unsaved) this.#take({ ...this.#plan, plan });
    else this.#draw();
    const text = t(isNew ? "plan_saved" : "plan_as_before", { revision });
    say(this.#outcome, this.#unsaved ? `${text} ${t("drawn_since")}` : text, true);
    this.#done.named(plan);
    this.#say(t("what_next"), h("button", { type: "button", "data-act": "put_on_sale", onclick: () => this.#done.putOnSale(plan) }, t("put_on_sale")));
  }

  #sayConflict(revision) {
    const { plan } = this.#plan;
    const isNew = this.#base.revision === 0;
    /** Takes over what somebody else has saved as what mine follows. */
    const follow = (use) => async () => {
      try {
        const found = await latest(this.#call, plan);
        // The draft is now one of the plan that there is.
        dropDraft(isNew ? NEW : plan);
        this.#base = { etag: found.etag, revision: found.revision };
        this.#conflict.hidden = true;
        this.#done.named(plan);
        use(fromApi(found.plan));
      } catch (error) {
        say(this.#outcome, unread(error));
      }
    };
    const mine = follow(() => {
      this.#changed();
      say(this.#outcome, t("save_again"), true);
      /** @type {HTMLElement | null} */ (this.element.querySelector("[data-act=save_plan]"))?.focus();
    });
    const theirs = follow((document) => {
      this.#selected = document.sections[0]?.key;
      this.#take(document);
      say(this.#outcome, t("theirs_is_here"), true);
    });
    this.#say(
      t(isNew ? "plan_exists" : "plan_conflict", { plan, revision }),
      h("button", { type: "button", "data-act": "theirs", onclick: theirs }, t("theirs")),
      h("button", { type: "button", "data-act": "mine", onclick: mine }, t("mine")),
    );
  }
}

const problemText = ({ code, values }) => t(`problem_${code}`, values);
const nameOf = (part) => (part.kind === undefined ? shapeName(part) : part.name.trim() || part.area);
