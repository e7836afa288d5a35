// The other shows: when and where, from which price, and whether one can buy. Searched once there are many.

import { h, redraw } from "./dom.js";
import { perLanguage } from "./language.js";
import { poster } from "./poster.js";
import { t } from "./shop-messages.js";
import { moment, money } from "./words.js";

/** More than this many are not all in view. */
const MANY = 8;
const PAGE = 24;

const beginOf = ({ starts_at: starts }) => Date.parse(starts ?? "") || Number.MAX_SAFE_INTEGER;
// Night 9 before night 10.
const byTitle = perLanguage((locale) => new Intl.Collator(locale, { numeric: true }).compare);

/** Draws them into `section`, which stays hidden if there is no other. */
export function drawOtherShows(section, shows, chosen) {
  const others = shows.filter(({ id }) => id !== chosen).sort((one, other) => beginOf(one) - beginOf(other) || byTitle()(one.title, other.title));
  section.hidden = others.length === 0;
  if (section.hidden) return;
  let [wanted, shown] = ["", PAGE];
  const list = h("ul", { class: "show-cards" });
  const more = h("button", { type: "button", hidden: true }, t("show_more"));
  const found = h("p", { class: "unseen", role: "status" });
  const draw = () => {
    const fits = others.filter(({ title, venue = "" }) => `${title} ${venue}`.toLowerCase().includes(wanted));
    redraw(list, fits.slice(0, shown).map((show) => card(show)));
    more.hidden = fits.length <= shown;
    found.textContent = wanted ? t("found", { count: fits.length }) : "";
  };
  more.addEventListener("click", () => {
    shown += PAGE;
    draw();
  });
  const search = h("input", { type: "search", "aria-label": t("search_shows"), placeholder: t("search_shows") });
  search.addEventListener("input", () => {
    [wanted, shown] = [search.value.trim().toLowerCase(), PAGE];
    draw();
  });
  section.replaceChildren(h("div", { class: "head" }, h("h2", null, t("more_shows")), others.length > MANY && search), found, list, more);
  draw();
}

/** A show as a card that leads to it. `fact` is said in place of the state of its sale. */
export function card({ id, title, venue, picture, starts_at: starts, currency, categories = [], status, sale_opens_at: opens }, fact) {
  const least = Math.min(...categories.flatMap(({ price, price_types: types = [{ price }] }) => types.map((type) => type.price)));
  const state = fact ?? (status === "not_open" && opens ? t("opens_at", { time: moment(opens) }) : t(`sale_${status}`));
  return h(
    "li",
    { data: { status } },
    poster({ id, picture }, true),
    h("a", { href: `/?show=${encodeURIComponent(id)}` }, title),
    h("span", null, [starts && moment(starts), venue].filter(Boolean).join(" · ")),
    h("span", null, [Number.isFinite(least) && t("from_price", { price: money(least, currency) }), state].filter(Boolean).join(" · ")),
  );
}
