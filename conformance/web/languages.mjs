// Finds what a page says in English although it speaks German: texts that are the same in both languages.

/** Runs in the page: all its texts, hidden ones too, and what screen readers get instead of a text. */
export function textsOf() {
  const texts = [document.title];
  // Of elements with a tree of their own, too.
  const inside = [...document.querySelectorAll("*")].map(({ shadowRoot }) => shadowRoot).filter(Boolean);
  for (const root of [document.body, ...inside]) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      if (!walker.currentNode.parentElement?.closest("script, style, noscript, code, pre")) texts.push(walker.currentNode.textContent);
    }
    for (const name of ["aria-label", "title", "placeholder", "alt"]) {
      for (const element of root.querySelectorAll(`[${name}]`)) texts.push(element.getAttribute(name));
    }
  }
  return texts.map((text) => text.trim().replaceAll(/\s+/g, " ")).filter(Boolean);
}

/** Same in both languages, or nobody's words: names of the product, of languages, of cards, of what is in the log. */
const SAME = ["lastseat", "API", "PDF", "Live", "Deutsch", "English", "Visa", "Mastercard", "Name", "System", "Status", "Details", "Token", "Online", "Ticket", "Tickets", "CSV", "Codes", "Stripe", "EUR"];

/** The texts of the German page that are those of the English one; `names` are titles, places and other data. */
export function untranslated(english, german, names = []) {
  const known = new Set(english);
  const same = [...new Set(german)].filter((text) => known.has(text));
  // Long ones first: “The Opera House” before “Opera”.
  const data = [...SAME, ...names].sort((one, other) => other.length - one.length);
  const withoutIds = (text) => text.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, " ");
  const words = (text) => data.reduce((rest, name) => rest.replaceAll(name, " "), withoutIds(text)).match(/\p{L}{2,}/gu) ?? [];
  return same.filter((text) => words(text).length > 0);
}
