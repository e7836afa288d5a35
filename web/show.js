// Finds the show that the address asks for, and notices when its sale opens, pauses, ends or is
// cancelled. The seat stream carries seats only, so the show itself is asked for every few seconds.

import { backoff, get, sleep } from "./api.js";

const FAVOURITE = "demo";
const ASK_AGAIN_MS = 3_000;
const PAGE = 100;

/** The show `id`; without an id the demo, else the first. `undefined` if there is none. */
export async function findShow(id, list, onwait) {
  const guess = await describe(id ?? FAVOURITE, onwait);
  if (guess || id) return guess;
  const [first] = await list;
  return first && describe(first.id, onwait);
}

/** All shows, page by page; with `upcoming` those to come, the next one first. */
export async function listShows(onwait, { upcoming = false } = {}) {
  const shows = [];
  for (let more = true; more; ) {
    const after = shows.length > 0 ? `&starting_after=${encodeURIComponent(shows.at(-1).id)}` : "";
    const { data, has_more } = await persist(`/v1/shows?limit=${PAGE}${upcoming ? "&upcoming=true" : ""}${after}`, onwait);
    shows.push(...data);
    more = has_more && data.length > 0;
  }
  return shows;
}

/** The show `id` of the server at `base`, or `undefined` if it has none. */
export async function describe(id, onwait, base = "") {
  try {
    return await persist(`${base}/v1/shows/${encodeURIComponent(id)}`, onwait);
  } catch (error) {
    // Not a possible id is as good as an unknown one.
    if (error.status === 404 || error.status === 400) return undefined;
    throw error;
  }
}

/** Asks until there is an answer: a visitor who came too early need not reload. */
async function persist(path, onwait) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await get(path, { patience: 0 });
    } catch (error) {
      if (error.status >= 400 && error.status < 500 && error.status !== 429) throw error;
      onwait?.();
      await sleep(backoff(attempt));
    }
  }
}

/** Keeps a show's status and its picture current while the page is visible: `changed` and `pictured` say what has changed. */
export class SaleStatus extends EventTarget {
  #show;
  #base;
  #ticker;
  #closing = new AbortController();

  constructor(show, base = "") {
    super();
    this.#show = show;
    this.#base = base;
    this.#ticker = setInterval(() => this.#ask(), ASK_AGAIN_MS);
    document.addEventListener("visibilitychange", () => this.#ask(), { signal: this.#closing.signal });
  }

  /** Asks no more. */
  close() {
    this.#closing.abort();
    clearInterval(this.#ticker);
  }

  get show() {
    return this.#show;
  }

  get onSale() {
    return this.#show.status === "on_sale";
  }

  async #ask() {
    if (document.hidden) return;
    try {
      const show = await get(`${this.#base}/v1/shows/${encodeURIComponent(this.#show.id)}`, { patience: 0 });
      const { status, picture } = this.#show;
      const isPictured = show.picture?.url !== picture?.url || show.picture?.alt !== picture?.alt;
      if ((show.status === status && !isPictured) || this.#closing.signal.aborted) return;
      this.#show = show;
      if (show.status !== status) this.dispatchEvent(new Event("changed"));
      if (isPictured) this.dispatchEvent(new Event("pictured"));
    } catch {
      // The next question comes in a moment; the feed says that the server is away.
    }
  }
}
