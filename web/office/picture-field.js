// A picture for a show, before it is saved: a file that is chosen or dropped, made smaller, looked at and described.

import { h } from "../dom.js";
import { say } from "./asking.js";
import { NoPicture, prepared } from "./picture-file.js";
import { t } from "./picture-messages.js";

/** The description of a picture, as the address of its request has it. */
export const described = (alt) => (alt === "" ? "" : `?alt=${encodeURIComponent(alt)}`);

export class PictureField {
  /** What was chosen and is not saved: `{ blob, canvas, isAnimated }`. */
  chosen;
  alt = h("input", { name: "alt", maxlength: "250", autocomplete: "off", "data-key": "picture_alt" });
  choose = h("button", { type: "button", "data-act": "choose_picture", "data-key": "choose_picture", onclick: () => this.#file.click() }, t("choose"));
  /** What to put on the page, in `place`. */
  parts;
  /** The file that was chosen last: a large one takes longer to read than one that was chosen after it. */
  #last;
  /** Whether that one is being read. */
  isReading = false;
  #file = h("input", { type: "file", accept: "image/*", class: "unseen", tabindex: "-1", "aria-hidden": "true", onchange: () => this.#take(this.#file.files?.[0]) });
  #view = h("div", { class: "picture-view" });
  #facts = h("p", { class: "hint", role: "status" });
  #drop = h("button", { type: "button", class: "plain", "data-act": "unchoose_picture", hidden: true, onclick: () => this.#unchoose() }, t("unchoose"));
  #describe = h("label", { class: "field" }, t("alt"), this.alt, h("span", { class: "hint" }, t("alt_hint")));
  #outcome;
  #present;
  #changed;

  /**
   * @param {{ place: HTMLElement, outcome: HTMLElement, present: () => { view?: Element, text: string }, changed?: () => void }} options
   *   `place`: files can be dropped there; `outcome` gets why a file can't be taken; `present`: what there is until one is chosen;
   *   `changed` is called when another is chosen, or none any more
   */
  constructor({ place, outcome, present, changed }) {
    this.#outcome = outcome;
    this.#present = present;
    this.#changed = changed;
    this.parts = [
      h("p", { class: "hint" }, t("hint")),
      this.#view,
      this.#facts,
      h("div", { class: "toolbar" }, this.choose, this.#drop, this.#file, h("span", { class: "hint" }, t("drop"))),
      this.#describe,
    ];
    place.addEventListener("dragover", (event) => event.preventDefault());
    place.addEventListener("drop", (event) => {
      event.preventDefault();
      this.#take(event.dataTransfer?.files[0]);
    });
    this.draw();
  }

  /** The description, as it is written now. */
  get text() {
    return this.alt.value.trim();
  }

  /** `sent` is saved. What was chosen while it was on its way stays chosen. */
  saved(sent) {
    if (this.chosen === sent) this.chosen = undefined;
  }

  draw() {
    const { chosen } = this;
    const present = this.#present();
    const view = chosen?.canvas ?? present.view;
    this.#view.replaceChildren(...(view ? [view] : []));
    this.#view.hidden = this.#describe.hidden = !view;
    const size = chosen && { width: chosen.canvas.width, height: chosen.canvas.height, size: Math.ceil(chosen.blob.size / 1000) };
    this.#facts.textContent = this.isReading ? t("reading") : size ? [t("chosen", size), chosen.isAnimated && t("still")].filter(Boolean).join(" ") : present.text;
    this.#drop.hidden = !chosen;
  }

  #choose(chosen) {
    this.chosen = chosen;
    this.draw();
    this.#changed?.();
  }

  #unchoose() {
    this.#choose(undefined);
    // The button is gone.
    this.choose.focus({ preventScroll: true });
  }

  async #take(file) {
    // The same file may be chosen again.
    this.#file.value = "";
    if (!file) return;
    this.#last = file;
    say(this.#outcome, "");
    this.#reading(true);
    try {
      const chosen = await prepared(file);
      if (this.#last !== file) return;
      this.#choose(chosen);
    } catch (error) {
      if (!(error instanceof NoPicture)) throw error;
      if (this.#last === file) say(this.#outcome, t("no_picture"));
    } finally {
      if (this.#last === file) this.#reading(false);
    }
  }

  #reading(isReading) {
    this.isReading = isReading;
    this.draw();
  }
}
