// Bookings in words: their states, seats and dates. Pure.

import { locale } from "../language.js";
import { seatName } from "../words.js";
import { t, tOr } from "./messages.js";

/** @typedef {import("./store.js").Card} Card */

const OPEN = ["held", "paying", "action_required"];
/** A show without a doors' time ends at some time that nobody knows: its tickets stay in front for so long after it has begun. */
const LASTS_MS = 12 * 60 * 60 * 1000;

/** What a booking is at, as the messages name it. @param {Card} card */
export function stateOf({ booking, show, gone }) {
  if (gone) return "unknown";
  if (booking.status !== "confirmed") return booking.status;
  if (booking.payment?.refund_requested) return "refunding";
  return show?.status === "cancelled" ? "show_cancelled" : "confirmed";
}

/** Where in the wallet a booking is: `pending`, `ready` or `earlier`. @param {Card} card */
export function groupOf(card, now = Date.now()) {
  const state = stateOf(card);
  if (OPEN.includes(state)) return "pending";
  if (!["confirmed", "refunding", "show_cancelled"].includes(state)) return "earlier";
  const starts = Date.parse(card.show?.starts_at ?? "");
  return starts + LASTS_MS < now ? "earlier" : "ready";
}

/** The next show first; among shows without a date, and among what is over, the newest booking. @param {Card} a @param {Card} b */
export function byDate(a, b) {
  const [first, second] = [a, b].map(({ show }) => Date.parse(show?.starts_at ?? "") || Infinity);
  if (first !== second && groupOf(a) === "ready") return first - second;
  return Date.parse(b.booking.opened_at ?? "") - Date.parse(a.booking.opened_at ?? "");
}

/** Why it is over, or what else there is to know. @param {Card} card */
export function explanation(card) {
  const { booking } = card;
  const state = stateOf(card);
  if (state === "unknown") return t("gone");
  if (state === "show_cancelled") return t("cancelled_show_hint");
  if (booking.payment?.under_review) return t("under_review");
  return state === "aborted" ? tOr(`ended_${booking.reason}`, "ended") : undefined;
}

/** The place of a ticket, as the plan prints it. @param {import("./store.js").Ticket} ticket */
export function placeOf({ seat, section, row, label }) {
  if (label === undefined) return seatName(seat);
  if (row === undefined) return [section, label].filter(Boolean).join(", ");
  return section === undefined ? t("place_in_row", { row, seat: label }) : t("place", { section, row, seat: label });
}

/** `Saturday, 1 June 2030, 19:30`: at the venue, whose zone is named if it is another one than this device's. */
export function dateOf(time, timezone) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const elsewhere = timezone !== undefined && timezone !== own;
  const parts = /** @type {const} */ ({ weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" });
  try {
    return new Intl.DateTimeFormat(locale, { ...parts, timeZone: timezone, timeZoneName: elsewhere ? "short" : undefined }).format(new Date(time));
  } catch {
    // A zone that this browser does not know.
    return new Intl.DateTimeFormat(locale, { ...parts, timeZoneName: "short" }).format(new Date(time));
  }
}

/** When the doors open: the time alone, if it is the day on which the show begins. */
export function doorsOf({ doors_at: doors, starts_at: starts, timezone }) {
  const [whole, day] = [dateOf(doors, timezone), (time) => new Intl.DateTimeFormat("en", { dateStyle: "short", timeZone: timezone }).format(new Date(time))];
  try {
    if (starts && day(doors) === day(starts)) return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", timeZone: timezone }).format(new Date(doors));
  } catch {
    // As above.
  }
  return whole;
}

const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

/** When something was loaded. */
export function loadedAt(at) {
  const today = new Date(at).toDateString() === new Date().toDateString();
  return t("loaded", { time: today ? t("today", { time: clock.format(at) }) : day.format(at) });
}

export const timeOf = (time) => clock.format(new Date(time));
