// All sentences for the visitor: money, times, seats, and what went wrong.

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
  const key = `${currency} ${options.currencyDisplay} ${options.trailingZeroDisplay}`;
  if (!formats.has(key)) {
    const digits = digitsOf(currency);
    const format = new Intl.NumberFormat(undefined, { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits, ...options });
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

export const number = (value) => new Intl.NumberFormat().format(value);

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
export const timeOfDay = (time) => clock.format(new Date(time));
export const moment = (time) => day.format(new Date(time));

/** `4:09`, `2:04:09` */
export function countdown(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

export function duration(seconds) {
  if (seconds % 60 || seconds < 60) return `${seconds} seconds`;
  return seconds === 60 ? "a minute" : `${seconds / 60} minutes`;
}

/** `stalls` → `Stalls`, `upper-circle` → `Upper circle`. */
export function title(id) {
  const text = id.replaceAll(/[-_]+/g, " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What a drawn plan prints on its seats, by id. */
const printed = new Map();

export function print(seats) {
  for (const { seat, section, row, label } of seats) printed.set(seat, { section, row, number: label });
}

/** As it is printed; else an id parts at its last dash: `A-12`, `BOX-3-2` (row `BOX-3`, seat 2). */
export function parts(label) {
  if (printed.has(label)) return printed.get(label);
  const dash = label.lastIndexOf("-");
  if (dash < 0) return { row: "", number: label };
  const [row, number] = [label.slice(0, dash), label.slice(dash + 1)];
  // A row of an area that has rows of its own: `balcony.A-1`.
  const dot = row.indexOf(".");
  return dot < 0 ? { row, number } : { section: title(row.slice(0, dot)), row: row.slice(dot + 1), number };
}

/** `Row A seat 12`; places without a label are named by their area. */
export function seatName(label) {
  const unit = label.indexOf(":");
  if (unit > 0) return `${title(label.slice(0, unit))}, place ${label.slice(unit + 1)}`;
  const { section, row, number: seat } = parts(label);
  if (section) return `${section}, row ${row} seat ${seat}`;
  return row ? `Row ${row} seat ${seat}` : `Seat ${seat}`;
}

// A-9 before A-10.
const byNumber = new Intl.Collator(undefined, { numeric: true }).compare;

/** Names of a booking's places: each labelled seat, and how many of each area without labels. */
export function placeNames(labels) {
  const sorted = [...labels].sort(byNumber);
  const counts = new Map();
  for (const label of sorted.filter((label) => label.includes(":"))) {
    const area = label.slice(0, label.indexOf(":"));
    counts.set(area, (counts.get(area) ?? 0) + 1);
  }
  return [...sorted.filter((label) => !label.includes(":")), ...[...counts].map(([area, count]) => `${title(area)} × ${count}`)];
}

export const STATE_NAMES = { available: "available", locked: "held", in_process: "being paid", booked: "booked", unavailable: "not on sale" };

export const seats = (count) => (count === 1 ? "1 seat" : `${count} seats`);

const DECLINES = {
  card_declined: "The bank declined this card.",
  insufficient_funds: "There is not enough money on this card.",
  expired_card: "This card has expired.",
  incorrect_cvc: "The security code of this card is wrong.",
  lost_card: "This card was reported lost.",
  stolen_card: "This card was reported stolen.",
  processing_error: "The bank could not process this card.",
  card_velocity_exceeded: "This card has reached its limit.",
  authentication_required: "Your bank did not get your confirmation.",
  payment_intent_authentication_failure: "Your bank did not get your confirmation.",
};

const tryAnother = (why, until) => `${why} Try another card: your seats are held until ${timeOfDay(until)}.`;

/** Why the card was declined, and that the seats are still held. */
export const declined = (code, until) => tryAnother(DECLINES[code] ?? "The payment was declined.", until);

/** The same for an error of the gateway's form. Its messages to buyers are fit to be shown. */
export function refusedInForm({ type, code, decline_code, message }, until) {
  if (type === "validation_error") return message ?? "Check the payment details.";
  return tryAnother(DECLINES[decline_code] ?? DECLINES[code] ?? message ?? "The payment was declined.", until);
}

export const FORM_LOADING = "Loading the payment form…";

/** What to do when the gateway's form can't be loaded. */
export const formFailed = (until) =>
  `The payment form can't be loaded. It comes from js.stripe.com: check your connection, and allow that address if you use a blocker. ` +
  `Then load the form again. Nothing is charged, and your seats are held until ${timeOfDay(until)}.`;

const ENDINGS = {
  expired: "Your time ran out before the payment, so the seats went back on sale. You were not charged.",
  cancelled: "You gave the seats back. You were not charged.",
  seat_lost: "Somebody else was faster. You were not charged.",
  capture_failed: "Your bank withdrew its approval. You were not charged, and the seats are free again.",
  show_cancelled: "The show was cancelled. You were not charged.",
  refunded: "This booking was refunded.",
};
export const ending = (reason) => ENDINGS[reason] ?? "The booking is over, and its seats are free again. You were not charged.";

const comesBack = (facts) => (facts.free_at ? ` It may come free again at ${timeOfDay(facts.free_at)}.` : "");

/** Says nothing about the seats: the booking may be held, paid or over. */
export const CANNOT_SHOW =
  "This booking can't be shown with the token that this page has. If you paid, your seats are still yours. " +
  "Open the complete link to the booking, or use the browser that you booked with. If neither works, ask the box office and name the booking's number.";

const PROBLEMS = {
  seat_unavailable: (facts, asked) => {
    if (facts.seat) {
      const goneTo = { booked: "was just sold to somebody else.", unavailable: "is not on sale." };
      const gone = goneTo[facts.state] ?? "was just taken by somebody else.";
      return `${seatName(facts.seat)} ${gone}${facts.state === "booked" ? "" : comesBack(facts)} Your other seats are still free.`.replace(
        asked > 1 ? "" : " Your other seats are still free.",
        "",
      );
    }
    return `${seats(facts.available ?? 0)} left here, but no ${asked} side by side. Ask for fewer, or pick them on the map.`;
  },
  sold_out: (facts) => `Sold out.${facts.free_at ? ` Some are only held and may come free at ${timeOfDay(facts.free_at)}.` : ""}`,
  sale_not_open: (facts) => `The sale opens on ${moment(facts.opens_at)}.`,
  sale_closed: () => "The sale is over.",
  sales_paused: () => "The sale is paused for a moment. Your selection stays; try again soon.",
  show_cancelled: () => "The show was cancelled. Nothing is sold for it.",
  too_many_seats: (facts) => `One booking may have ${facts.most} seats. Leave some out.`,
  invalid_quantity: (facts) => `Choose between 1 and ${facts.most}.`,
  buyer_limit: (facts) => `One person may have ${facts.most} seats of this show, and you have ${facts.have}.`,
  leaves_single_seat: (facts) => `${seatName(facts.seat)} would be left alone. Take it too, or choose seats that leave no single seat.`,
  unknown_price_type: () => "The prices have changed. Reload this page and choose again.",
  guest_limit: () => "Too many seats are held from your network and not paid for yet. Try again in a few minutes.",
  guests_refused: () => "This show is sold to people with an account only. Sign in where you buy, and choose again.",
  challenge_required: () => "Your browser could not show that a person wants these seats. Press the button again.",
  challenge_failed: () => "That took too long. Press the button again.",
  not_for_guests: () => "This hold can't be extended. Pay before it ends.",
  already_extended: () => "The hold was extended once already, which is all that is allowed.",
  booking_not_found: () => CANNOT_SHOW,
  invalid_token: () => CANNOT_SHOW,
  invalid_payment_method: () => "This card can't be used here. Try another one.",
  client_confirmation_unavailable: () => "The way to pay has changed. Reload this page; your seats stay held.",
  payment_queue_full: () => "Too many people are paying right now, and your turn would come after your hold ends. Nothing was done. Try again in a moment.",
  busy: () => "The box office is very busy. Nothing was done. Try again in a moment.",
  outcome_unknown: () => "The box office did not confirm the request. Press the button again: nothing is done twice.",
};

/** A refusal as a sentence that says what to do. `asked` is the number of seats in the request. */
export function sentence(error, asked) {
  if (error.code === undefined) return "No connection to the box office. Press the button again: nothing is done twice.";
  return PROBLEMS[error.code]?.(error.facts, asked) ?? error.message;
}
