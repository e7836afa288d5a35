// How money, times and seats are written, in the language of the page.

import { locale, perLanguage } from "./language.js";
import { t } from "./map-messages.js";

/** The currency of amounts that name no other. */
let usual = "EUR";

/** Sets the currency of all amounts that name no other. */
export function useCurrency(code) {
  usual = code;
}

/**
 * Decimal digits of amounts, by ISO 4217, where they are not two: as the server and the gateway count. `Intl` knows how prices are
 * usually written instead: of a forint it shows no decimals, though amounts have two.
 */
const DIGITS = {
  BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0, UYI: 0, VND: 0, VUV: 0, XAF: 0, XOF: 0, XPF: 0,
  BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3,
  CLF: 4, UYW: 4,
};

/** How many decimal digits an amount of a currency has. */
export const digitsOf = (currency) => DIGITS[currency] ?? 2;

const formats = new Map();
function format(minor, currency, options) {
  const key = `${locale} ${currency} ${options.currencyDisplay} ${options.trailingZeroDisplay}`;
  if (!formats.has(key)) {
    const digits = digitsOf(currency);
    const format = new Intl.NumberFormat(locale, { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits, ...options });
    formats.set(key, (value) => format.format(value / 10 ** digits));
  }
  return formats.get(key)(minor);
}

const short = { trailingZeroDisplay: "stripIfInteger" };

/** `€85` */
export const money = (minor, currency = usual) => format(minor, currency, { ...short, currencyDisplay: "symbol" });
/** `€85.00`: an amount to confirm. */
export const fullMoney = (minor, currency = usual) => format(minor, currency, {});
/** `85 euros`, for screen readers. */
export const spokenMoney = (minor, currency = usual) => format(minor, currency, { ...short, currencyDisplay: "name" });

const plain = perLanguage((locale) => new Intl.NumberFormat(locale));
const clock = perLanguage((locale) => new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" }));
const day = perLanguage((locale) => new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }));
export const number = (value) => plain().format(value);
export const timeOfDay = (time) => clock().format(new Date(time));
export const moment = (time) => day().format(new Date(time));

/** `4:09`, `2:04:09` */
export function countdown(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

export function duration(seconds) {
  return seconds % 60 || seconds < 60 ? t("seconds", { count: seconds }) : t("minutes", { count: seconds / 60 });
}

/** `stalls` → `Stalls`, `upper-circle` → `Upper circle`. */
export function title(id) {
  const text = id.replaceAll(/[-_]+/g, " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Where a seat is. A seat of an inventory (`Inventory.named`) or of a booking is as its plan prints it; an id parts at its last dash: `A-12`,
 * `BOX-3-2` (row `BOX-3`, seat 2).
 */
export function parts(seat) {
  if (seat.label !== undefined) return { section: seat.section, row: seat.row, number: seat.label };
  const id = seat.seat ?? seat;
  const dash = id.lastIndexOf("-");
  if (dash < 0) return { row: "", number: id };
  const [row, number] = [id.slice(0, dash), id.slice(dash + 1)];
  // A row of an area that has rows of its own: `balcony.A-1`.
  const dot = row.indexOf(".");
  return dot < 0 ? { row, number } : { section: title(row.slice(0, dot)), row: row.slice(dot + 1), number };
}

/** `Row A seat 12`, of what `parts` takes; places without a label are named by their area. */
export function seatName(seat) {
  const id = seat.seat ?? seat;
  const unit = id.indexOf(":");
  if (unit > 0) return t("place", { area: title(id.slice(0, unit)), place: id.slice(unit + 1) });
  const { section, row, number } = parts(seat);
  if (section) return t("section_seat", { section, row, seat: number });
  return row ? t("row_seat", { row, seat: number }) : t("only_seat", { seat: number });
}

// A-9 before A-10.
const byNumber = new Intl.Collator(undefined, { numeric: true }).compare;

const idOf = (seat) => seat.seat ?? seat;

/** A seat in a list: its id where that is what the plan prints, as `A-12`. */
const shortName = (seat) => (seat.label === undefined && !parts(seat).section ? idOf(seat) : seatName(seat));

/** A booking's places, sorted: the labelled `seats`, and of each area without labels how many, in words. */
export function grouped(seats) {
  const counts = new Map();
  for (const id of seats.map(idOf).filter((id) => id.includes(":"))) {
    const area = id.slice(0, id.indexOf(":"));
    counts.set(area, (counts.get(area) ?? 0) + 1);
  }
  const labelled = seats.filter((seat) => !idOf(seat).includes(":")).sort((one, other) => byNumber(shortName(one), shortName(other)));
  return { seats: labelled, areas: [...counts].sort(([one], [other]) => byNumber(one, other)).map(([area, count]) => `${title(area)} × ${count}`) };
}

/** Names of a booking's places, of what `parts` takes: each labelled seat, and how many of each area without labels. */
export function placeNames(seats) {
  const { seats: labelled, areas } = grouped(seats);
  return [...labelled.map(shortName), ...areas];
}

/** Seats by their ids, each as `places` has it. A plan prints nothing on the places of an area without labels: these stay as they are. */
export const printed = (seats, places = []) => seats.map((id) => places.find(({ seat }) => seat === id) ?? id);

/** What a seat's state is called. */
export const stateName = (state) => t(state);

export const seats = (count) => t("seats", { count });
