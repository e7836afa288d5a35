// Saves lines of CSV as a file.

import { h } from "../dom.js";

/** With the mark of UTF-8: Excel takes the letters for those of an old code page without it. */
export function saveCsv(text, name) {
  const link = h("a", { href: URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
