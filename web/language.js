// The language of a page: the visitor's choice on this device, else the browser's, else English.
//
// Each page has its messages in a file of its own: `messages({ en: { … }, de: { … } })`. English is complete; a message that
// another language lacks is shown in English, and a test finds it.

export const LANGUAGES = { en: "English", de: "Deutsch" };

const KEY = "lastseat.language";

function chosen() {
  try {
    return localStorage.getItem(KEY) ?? undefined;
  } catch {
    // Storage may be switched off: then the choice is for this page only.
    return undefined;
  }
}

function preferred() {
  const wanted = [chosen(), ...(navigator.languages ?? [])].map((tag) => tag?.split("-")[0]);
  return /** @type {keyof typeof LANGUAGES} */ (wanted.find((tag) => tag !== undefined && Object.hasOwn(LANGUAGES, tag)) ?? "en");
}

/** `en` or `de`. */
export const language = preferred();
/** For `Intl`: the browser's own variant of the language (`en-GB`), if it has one. */
export const locale = navigator.languages?.find((tag) => tag.split("-")[0] === language) ?? language;

/** Keeps the visitor's choice. The page has to be loaded again for it. */
export function choose(tag) {
  try {
    localStorage.setItem(KEY, tag);
  } catch {
    // See above.
  }
  location.reload();
}

const plural = new Intl.PluralRules(locale);

/**
 * The sentences of a page in its language. A message is a text with `{name}` for what is filled in; one that depends on a
 * number is an object with `one` and `other`, chosen by `{count}`.
 *
 * @param {Record<string, Record<string, string | { one: string, other: string }>>} catalogue by language, `en` among them
 * @returns {(key: string, values?: Record<string, string | number>) => string}
 */
export function messages(catalogue) {
  return (key, values = {}) => {
    const message = catalogue[language]?.[key] ?? catalogue.en?.[key];
    if (message === undefined) return key;
    const text = typeof message === "string" ? message : plural.select(Number(values.count)) === "one" ? message.one : message.other;
    return text.replaceAll(/\{(\w+)\}/g, (whole, name) => {
      const value = values[name];
      if (value === undefined) return whole;
      return typeof value === "number" ? new Intl.NumberFormat(locale).format(value) : value;
    });
  };
}

/** Puts messages into a page's own text: `data-text` names the message of an element, `data-label` that of its `aria-label`. */
export function translate(root, t) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of root.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
}
