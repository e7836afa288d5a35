// Times as a clock on a wall shows them somewhere. Pure.

/** By zone: making one takes far longer than using it. */
const clocks = new Map();

/** What the clock of a time zone shows at an instant, as if it were UTC. */
export function onTheWall(instant, zone) {
  const options = /** @type {const} */ ({ timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  if (!clocks.has(zone)) clocks.set(zone, new Intl.DateTimeFormat("en", options));
  const part = Object.fromEntries(clocks.get(zone).formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second);
}

/**
 * The instant at which the clock of a zone shows `2026-11-20T19:30`. What it shows twice is taken for the first time; what it leaves out in
 * spring is as much later.
 *
 * @param {string} text
 * @param {string} zone IANA name
 * @returns {Date}
 */
export function instantOf(text, zone) {
  const wall = Date.parse(`${text}Z`);
  // The offset before and after any change of the clocks nearby.
  const candidates = [-1, 1].map((days) => wall - (onTheWall(wall + days * 86_400_000, zone) - (wall + days * 86_400_000)));
  return new Date(candidates.find((instant) => onTheWall(instant, zone) === wall) ?? candidates[0]);
}

/** Whether the browser knows a time zone. */
export function isZone(name) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
