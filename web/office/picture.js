// The picture of a show: chosen or dropped, looked at, described, saved, removed.

import { h, redraw } from "../dom.js";
import { poster } from "../poster.js";
import { commandButton, outcomeBox, say } from "./asking.js";
import { described, PictureField } from "./picture-field.js";
import { t } from "./picture-messages.js";

export class Picture {
  element = h("section", { class: "panel picture" });
  #call;
  #show;
  /** As it is shown: `#show` is changed by others, too. */
  #picture;
  #path;
  #field;
  #outcome = outcomeBox();

  constructor(call, show) {
    this.#call = call;
    this.#show = show;
    this.#picture = show.picture;
    this.#path = `/v1/shows/${encodeURIComponent(show.id)}/picture`;
    const present = () => ({ view: poster({ id: show.id, picture: this.#picture }), text: this.#picture ? "" : t("none") });
    this.#field = new PictureField({ place: this.element, outcome: this.#outcome, present, changed: () => this.#draw() });
    this.#become(show.picture);
  }

  /** Somebody else may have changed it. What was chosen or written here stays. */
  changed() {
    const { picture } = this.#show;
    if (picture?.url === this.#picture?.url && picture?.alt === this.#picture?.alt) return;
    this.#become(picture, this.#field.alt.value === (this.#picture?.alt ?? ""));
  }

  #become(picture, describes = !this.#field.chosen) {
    this.#picture = picture;
    if (describes && !this.#field.chosen) this.#field.alt.value = picture?.alt ?? "";
    this.#field.draw();
    this.#draw();
  }

  #draw() {
    const picture = this.#picture;
    this.#field.alt.disabled = false;
    redraw(
      this.element,
      h("h2", null, t("picture")),
      this.#field.parts,
      h("div", { class: "toolbar" }, this.#saveButton(), picture && this.#removeButton()),
      this.#outcome,
    );
  }

  #saveButton() {
    return commandButton({
      name: "save_picture",
      text: t("save"),
      primary: true,
      outcome: this.#outcome,
      may: () => (this.#field.chosen || this.#picture ? undefined : t("nothing_chosen")),
      what: () => ({ chosen: this.#field.chosen, alt: this.#field.text }),
      pending: (isPending) => (this.#field.alt.disabled = isPending),
      act: async (key, { chosen, alt }) => this.#call("PUT", `${this.#path}${described(alt)}`, { key, body: chosen?.blob ?? (await this.#present()) }),
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
        this.#done(body, "removed", this.#field.chosen);
        // This button is gone, and the focus with it.
        if (document.activeElement === document.body) this.#field.choose.focus({ preventScroll: true });
      },
    });
  }

  /** What was chosen while `sent` was on its way is not saved. */
  #done({ picture }, what, sent) {
    this.#field.saved(sent);
    this.#show.picture = picture;
    this.#become(picture);
    say(this.#outcome, t(what), true);
  }
}
