// What a refusal, a decline or an ending means for the visitor, as a sentence that says what to do.

import { t } from "./payment-messages.js";
import { moment, seatName, timeOfDay } from "./words.js";

const tryAnother = (why, until) => t("try_another", { why, time: timeOfDay(until) });
const decline = (code) => (t.has(`decline_${code}`) ? t(`decline_${code}`) : undefined);

/** Why the card was declined, and that the seats are still held. */
export const declined = (code, until) => tryAnother(decline(code) ?? t("decline"), until);

/** The same for an error of the gateway's form. Its messages to buyers are fit to be shown. */
export function refusedInForm({ type, code, decline_code, message }, until) {
  if (type === "validation_error") return message ?? t("check_details");
  return tryAnother(decline(decline_code) ?? decline(code) ?? message ?? t("decline"), until);
}

/** How a booking ended. */
export const ending = (reason) => (t.has(`ending_${reason}`) ? t(`ending_${reason}`) : t("ending"));

/** Codes whose sentence needs more than the facts. */
const SPECIAL = {
  seat_unavailable: (facts, named, asked) => (facts.seat ? seatGone(facts, named, asked) : t("not_side_by_side", { count: facts.available ?? 0, asked })),
  rate_limited: ({ policy }) => t(policy === "guest_declines" ? "too_many_declines" : "problem_rate_limited"),
  sold_out: ({ free_at: at }) => (at ? t("sold_out_held", { time: timeOfDay(at) }) : t("problem_sold_out")),
  // Says nothing about the seats: the booking may be held, paid or over.
  booking_not_found: () => t("cannot_show"),
  invalid_token: () => t("cannot_show"),
};

function seatGone({ seat: label, state, free_at: at }, named, asked) {
  const seat = seatName(named(label));
  const gone = { booked: t("seat_sold", { seat }), unavailable: t("seat_off_sale", { seat }) }[state] ?? t("seat_taken", { seat });
  return [gone, state !== "booked" && at && t("may_come_free", { time: timeOfDay(at) }), asked > 1 && t("others_free")].filter(Boolean).join(" ");
}

/** A refusal as a sentence. `named` returns a seat as its plan prints it, `asked` is the number of seats in the request. A code without words here is said as the server says it. */
export function sentence(error, named, asked) {
  if (error.code === undefined) return t("no_connection");
  // No problem of the server: something between it and this page has answered.
  if (error.code === "") return t("answered", { status: String(error.status) });
  const special = SPECIAL[error.code];
  if (special) return special(error.facts, named, asked);
  const key = `problem_${error.code}`;
  if (!t.has(key)) return error.message;
  const { most, have, seat, opens_at: opens } = error.facts;
  return t(key, { count: most, have, seat: seat && seatName(named(seat)), time: opens && moment(opens) });
}
