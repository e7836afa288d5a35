// The language of a page: the visitor's choice on this device, else the browser's, else English.
//
// Each page has its messages in a file of its own: `messages({ en: { … }, de: { … } })`. English is complete; a message that
// another language lacks is shown in English, and a test finds it. Where bytes count, as in the shop, each language has a file
// of its own, and those that are spoken are loaded: `texts`.

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

const isKnown = (tag) => tag !== undefined && Object.hasOwn(LANGUAGES, tag);

function preferred() {
  const wanted = [chosen(), ...(navigator.languages ?? [])].map((tag) => tag?.split("-")[0]);
  return /** @type {keyof typeof LANGUAGES} */ (wanted.find(isKnown) ?? "en");
}

/** The browser's own variant of a language (`en-GB`), if it has one. */
const variantOf = (tag) => navigator.languages?.find((variant) => variant.split("-")[0] === tag) ?? tag;

/** `en` or `de`. A live binding: `speak` changes it. */
export let language = preferred();
/** The same for `Intl`. */
export let locale = variantOf(language);

/** What loads the messages of `texts` in a language. */
const loaders = [];
/** One after the other: the last that was asked for is the one that is spoken. */
let spoken = Promise.resolve();

/**
 * Speaks the language of a tag (`de-AT`) from now on, English if it is another, and the visitor's own without one. What is
 * drawn already stays as it is. Without its messages, for want of a connection, the language stays as it is, too.
 *
 * @param {string} [tag]
 */
export function speak(tag) {
  const asked = tag?.split("-")[0].toLowerCase();
  const next = asked === undefined ? preferred() : /** @type {keyof typeof LANGUAGES} */ (isKnown(asked) ? asked : "en");
  spoken = spoken.then(async () => {
    try {
      await Promise.all(loaders.map((load) => load(next)));
    } catch {
      return;
    }
    language = next;
    locale = variantOf(next);
  });
  return spoken;
}

/** Makes something of `Intl` once for each language: `perLanguage((locale) => new Intl.Collator(locale))` returns the getter. */
export function perLanguage(make) {
  const made = new Map();
  return () => {
    if (!made.has(locale)) made.set(locale, make(locale));
    return made.get(locale);
  };
}

/** Keeps the visitor's choice. The page has to be loaded again for it. */
export function choose(tag) {
  try {
    localStorage.setItem(KEY, tag);
  } catch {
    // See above.
  }
  location.reload();
}

const plural = perLanguage((locale) => new Intl.PluralRules(locale));
const numbers = perLanguage((locale) => new Intl.NumberFormat(locale));

/**
 * The sentences of a page in its language. A message is a text with `{name}` for what is filled in; one that depends on a
 * number is an object with `one` and `other`, chosen by `{count}`.
 *
 * @param {Record<string, Record<string, string | { one: string, other: string }>>} catalogue by language, `en` among them unless there is one only
 * @returns {((key: string, values?: Record<string, string | number>) => string) & { has: (key: string) => boolean }} `has` says
 *   whether there is a message, for keys that are made of what the server says
 */
export function messages(catalogue) {
  const say = (key, values = {}) => {
    const message = catalogue[language]?.[key] ?? catalogue.en?.[key];
    if (message === undefined) return key;
    const text = typeof message === "string" ? message : plural().select(Number(values.count)) === "one" ? message.one : message.other;
    return text.replaceAll(/\{(\w+)\}/g, (whole, name) => {
      const value = values[name];
      if (value === undefined) return whole;
      return typeof value === "number" ? numbers().format(value) : value;
    });
  };
  return Object.assign(say, { has: (key) => Object.hasOwn(catalogue.en ?? catalogue[language], key) });
}

/**
 * The same, of which only the messages in the page's language are loaded, and in another once that is spoken.
 *
 * @param {Record<keyof typeof LANGUAGES, () => Promise<{ default: Record<string, string | { one: string, other: string }> }>>} files
 */
export async function texts(files) {
  /** @type {Record<string, any>} */
  const catalogue = {};
  const load = async (tag) => {
    catalogue[tag] ??= (await files[tag]()).default;
  };
  loaders.push(load);
  await spoken;
  await load(language);
  return messages(catalogue);
}

/** Puts messages into a page's own text: `data-text` names the message of an element, `data-label` that of its `aria-label`. */
export function translate(root, t) {
  document.documentElement.lang = language;
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of root.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
}
