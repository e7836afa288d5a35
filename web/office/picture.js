// The picture of a show: chosen or dropped, looked at, described, saved, removed.

import { h, redraw } from "../dom.js";
import { poster } from "../poster.js";
import { commandButton, outcomeBox, say } from "./asking.js";
import { NoPicture, prepared } from "./picture-file.js";
import { t } from "./picture-messages.js";

export class Picture {
  element = h("section", { class: "panel picture" });
  #call;
  #show;
  /** As it is shown: `#show` is changed by others, too. */
  #picture;
  #path;
  /** The file that was chosen last: a large one takes longer to read than one that was chosen after it. */
  #file;
  /** What was chosen and is not saved. */
  #chosen;
  #outcome = outcomeBox();
  #view = h("div", { class: "picture-view" });
  #facts = h("p", { class: "hint", role: "status" });
  #alt = h("input", { name: "alt", maxlength: "250" });
  #field = h("input", { type: "file", accept: "image/*", class: "unseen", tabindex: "-1", "aria-hidden": "true", onchange: () => this.#take(this.#field.files?.[0]) });
  #choose = h("button", { type: "button", "data-act": "choose_picture", "data-key": "choose_picture", onclick: () => this.#field.click() }, t("choose"));

  constructor(call, show) {
    this.#call = call;
    this.#show = show;
    this.#path = `/v1/shows/${encodeURIComponent(show.id)}/picture`;
    this.element.addEventListener("dragover", (event) => event.preventDefault());
    this.element.addEventListener("drop", (event) => {
      event.preventDefault();
      this.#take(event.dataTransfer?.files[0]);
    });
    this.#become(show.picture);
  }

  /** Somebody else may have changed it. What was chosen or written here stays. */
  changed() {
    const { picture } = this.#show;
    if (picture?.url === this.#picture?.url && picture?.alt === this.#picture?.alt) return;
    this.#become(picture, this.#alt.value === (this.#picture?.alt ?? ""));
  }

  #become(picture, describes = !this.#chosen) {
    this.#picture = picture;
    if (describes && !this.#chosen) this.#alt.value = picture?.alt ?? "";
    this.#draw();
  }

  #draw() {
    const picture = this.#picture;
    this.#view.replaceChildren(this.#chosen?.canvas ?? poster({ id: this.#show.id, picture }));
    this.#facts.textContent = this.#chosen ? t("chosen", { width: this.#chosen.canvas.width, height: this.#chosen.canvas.height, size: Math.ceil(this.#chosen.blob.size / 1000) }) : picture ? "" : t("none");
    this.#alt.disabled = false;
    redraw(
      this.element,
      h("h2", null, t("picture")),
      h("p", { class: "hint" }, t("hint")),
      this.#view,
      this.#facts,
      h("div", { class: "toolbar" }, this.#choose, this.#field, h("span", { class: "hint" }, t("drop"))),
      h("label", { class: "field" }, t("alt"), this.#alt, h("span", { class: "hint" }, t("alt_hint"))),
      h("div", { class: "toolbar" }, this.#saveButton(), picture && this.#removeButton()),
      this.#outcome,
    );
  }

  async #take(file) {
    // The same file may be chosen again.
    this.#field.value = "";
    if (!file) return;
    this.#file = file;
    say(this.#outcome, "");
    try {
      const chosen = await prepared(file);
      if (this.#file !== file) return;
      this.#chosen = chosen;
      this.#draw();
    } catch (error) {
      if (!(error instanceof NoPicture)) throw error;
      if (this.#file === file) say(this.#outcome, t("no_picture"));
    }
  }

  #saveButton() {
    return commandButton({
      name: "save_picture",
      text: t("save"),
      primary: true,
      outcome: this.#outcome,
      may: () => (this.#chosen || this.#picture ? undefined : t("nothing_chosen")),
      what: () => ({ chosen: this.#chosen, alt: this.#alt.value.trim() }),
      pending: (isPending) => (this.#alt.disabled = isPending),
      act: async (key, { chosen, alt }) => this.#call("PUT", `${this.#path}${alt && `?alt=${encodeURIComponent(alt)}`}`, { key, body: chosen?.blob ?? (await this.#present()) }),
      done: ({ body }, { chosen }) => this.#done(body, "saved", chosen),
    });
  }

  /** The picture that is there, to be described in other words. */
  async #present() {
    const answer = await fetch(this.#picture.url);
    if (!answer.ok) throw new Error(t("no_picture"));
    return answer.blob();
  }

  #removeButton() {
    return commandButton({
      name: "remove_picture",
      text: t("remove"),
      means: t("remove_means"),
      outcome: this.#outcome,
      act: (key) => this.#call("DELETE", this.#path, { key }),
      done: ({ body }) => {
        this.#done(body, "removed", this.#chosen);
        // This button is gone, and the focus with it.
        if (document.activeElement === document.body) this.#choose.focus({ preventScroll: true });
      },
    });
  }

  /** What was chosen while `sent` was on its way is not saved. */
  #done({ picture }, what, sent) {
    if (this.#chosen === sent) this.#chosen = undefined;
    this.#show.picture = picture;
    this.#become(picture);
    say(this.#outcome, t(what), true);
  }
}
