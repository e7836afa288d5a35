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
  #path;
  /** What was chosen and is not saved. */
  #chosen;
  #outcome = outcomeBox();
  #view = h("div", { class: "picture-view" });
  #facts = h("p", { class: "hint", role: "status" });
  #alt = h("input", { name: "alt", maxlength: "250" });
  #file = h("input", { type: "file", accept: "image/*", class: "unseen", tabindex: "-1", "aria-hidden": "true", onchange: () => this.#take(this.#file.files?.[0]) });

  constructor(call, show) {
    this.#call = call;
    this.#show = show;
    this.#path = `/v1/shows/${encodeURIComponent(show.id)}/picture`;
    this.element.addEventListener("dragover", (event) => event.preventDefault());
    this.element.addEventListener("drop", (event) => {
      event.preventDefault();
      this.#take(event.dataTransfer?.files[0]);
    });
    this.#draw();
  }

  /** Somebody else may have changed it. What was chosen here stays. */
  changed(show) {
    if (show.picture?.url === this.#show.picture?.url && show.picture?.alt === this.#show.picture?.alt) return;
    this.#show = show;
    if (!this.#chosen) this.#draw();
  }

  #draw() {
    const { picture } = this.#show;
    this.#view.replaceChildren(this.#chosen?.canvas ?? poster(this.#show));
    if (!this.#chosen) this.#alt.value = picture?.alt ?? "";
    this.#facts.textContent = this.#chosen ? t("chosen", { width: this.#chosen.canvas.width, height: this.#chosen.canvas.height, size: Math.ceil(this.#chosen.blob.size / 1000) }) : picture ? "" : t("none");
    redraw(
      this.element,
      h("h2", null, t("picture")),
      h("p", { class: "hint" }, t("hint")),
      this.#view,
      this.#facts,
      h("div", { class: "toolbar" }, h("button", { type: "button", "data-act": "choose_picture", "data-key": "choose_picture", onclick: () => this.#file.click() }, t("choose")), this.#file, h("span", { class: "hint" }, t("drop"))),
      h("label", { class: "field" }, t("alt"), this.#alt, h("span", { class: "hint" }, t("alt_hint"))),
      h("div", { class: "toolbar" }, this.#saveButton(), picture && this.#removeButton()),
      this.#outcome,
    );
  }

  async #take(file) {
    // The same file may be chosen again.
    this.#file.value = "";
    if (!file) return;
    say(this.#outcome, "");
    try {
      this.#chosen = await prepared(file);
      this.#draw();
    } catch (error) {
      if (!(error instanceof NoPicture)) throw error;
      say(this.#outcome, t("no_picture"));
    }
  }

  #saveButton() {
    return commandButton({
      name: "save_picture",
      text: t("save"),
      primary: true,
      outcome: this.#outcome,
      may: () => (this.#chosen || this.#show.picture ? undefined : t("nothing_chosen")),
      what: () => ({ blob: this.#chosen?.blob, alt: this.#alt.value.trim() }),
      act: async (key, { blob, alt }) => this.#call("PUT", `${this.#path}${alt && `?alt=${encodeURIComponent(alt)}`}`, { key, body: blob ?? (await this.#present()) }),
      done: ({ body }) => this.#done(body, "saved"),
    });
  }

  /** The picture that is there, to be described in other words. */
  async #present() {
    const answer = await fetch(this.#show.picture.url);
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
      done: ({ body }) => this.#done(body, "removed"),
    });
  }

  #done({ picture }, what) {
    this.#chosen = undefined;
    this.#show.picture = picture;
    this.#draw();
    say(this.#outcome, t(what), true);
  }
}
