// The choice of the page's language.

import { h } from "./dom.js";
import { choose, language, LANGUAGES } from "./language.js";

/** `label` names it for screen readers. */
export function languageChoice(label) {
  const options = Object.entries(LANGUAGES).map(([tag, name]) => h("option", { value: tag, lang: tag, selected: tag === language }, name));
  return h("select", { class: "language", "aria-label": label, onchange: (event) => choose(event.target.value) }, options);
}
