// An answer of one JSON object a line, as it arrives. Pure.

/** Lines of JSON that arrive in pieces of any size. */
export class Lines {
  #rest = "";

  /** @returns {any[]} the lines that are whole by now */
  take(text) {
    const parts = (this.#rest + text).split("\n");
    this.#rest = parts.pop() ?? "";
    return parts.filter(Boolean).map((line) => JSON.parse(line));
  }
}
