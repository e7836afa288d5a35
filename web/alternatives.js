// What could be bought instead of what is sold out. Pure.

/** Shows that are asked for their seats. */
const MOST_ASKED = 12;

/** Other shows that sell, to be offered in this order: those of the same house first, then those nearest in time. */
export function candidates(shows, { id, venue, starts_at: starts }, now = Date.now()) {
  const begin = (show) => Date.parse(show.starts_at ?? "");
  const apart = (show) => {
    const ms = Math.abs(begin(show) - Date.parse(starts ?? ""));
    return Number.isNaN(ms) ? Number.MAX_SAFE_INTEGER : ms;
  };
  const elsewhere = (show) => (venue !== undefined && show.venue === venue ? 0 : 1);
  return shows
    .filter((show) => show.id !== id && show.status === "on_sale" && !(begin(show) < now))
    .sort((one, other) => elsewhere(one) - elsewhere(other) || apart(one) - apart(other))
    .slice(0, MOST_ASKED);
}

/** The next best of `others`, `{ price, free }`, for somebody who would have paid `price`: the nearest price, and of two the lower. */
export function nextBest(price, others) {
  const free = others.filter((other) => other.free > 0);
  return free.sort((one, other) => Math.abs(one.price - price) - Math.abs(other.price - price) || one.price - other.price)[0];
}
