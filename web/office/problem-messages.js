// What the server's refusals mean at a box office. Its own sentences are for programmers, and in English.

import { messages } from "../language.js";
import { moment, seatName } from "../words.js";

const en = {
  already_confirmed: "The booking is paid. To give it back, refund it.",
  already_refunded: "The booking was refunded already.",
  booking_not_found: "There is no such booking.",
  booking_over: "The booking is over, and its seats were given back. Sell them again.",
  exchange_in_progress: "The seats of this booking are being exchanged. Try again in a moment.",
  forbidden: "That is for others: ask a manager.",
  gateway_payment_begun: "The buyer has begun to pay online, so it can't be paid here: they could pay twice.",
  invalid_quantity: "One booking may have 1 to {most} seats.",
  leaves_single_seat: "{seat} would be left alone. Take it too, or choose others.",
  not_confirmed: "Only a booking that is paid can be refunded. Cancel the hold instead.",
  not_flagged: "Nobody has to look at this booking's payment any more.",
  payment_in_progress: "A payment of this booking is under way. Look again in a moment.",
  payment_under_review: "A person has to look at this booking's payment first.",
  rate_limited: "Too many requests in a short time. Wait a moment.",
  refund_in_progress: "A refund of this booking is under way. Look again in a moment.",
  refunds_all: "That would be all that is left of the booking. Choose all seats to refund it as a whole.",
  sale_closed: "The sale is over.",
  sale_not_open: "The sale opens on {opens}.",
  sales_paused: "The sale is paused.",
  seat_unavailable: "{seat} was just taken. Choose another one.",
  seats_unavailable: "{available} are left, but not so many at once. Sell fewer.",
  show_cancelled: "The show was cancelled. Nothing is sold for it.",
  show_exists: "Another show has this id. Choose another one.",
  show_not_cancelled: "Cancel the show first.",
  sold_out: "Sold out. A place becomes free if a hold ends without payment.",
  too_many_seats: "One booking may have {most} seats. Sell the others in a second one.",
};

const de = {
  already_confirmed: "Die Buchung ist bezahlt. Um sie zurückzugeben, erstatten Sie sie.",
  already_refunded: "Die Buchung ist schon erstattet.",
  booking_not_found: "Es gibt keine solche Buchung.",
  booking_over: "Die Buchung ist beendet, ihre Plätze sind zurückgegeben. Verkaufen Sie sie neu.",
  exchange_in_progress: "Die Plätze dieser Buchung werden gerade getauscht. Versuchen Sie es gleich noch einmal.",
  forbidden: "Das dürfen andere: Fragen Sie einen Manager.",
  gateway_payment_begun: "Der Käufer hat begonnen, online zu bezahlen. Hier geht es nicht mehr: Er könnte zweimal bezahlen.",
  invalid_quantity: "Eine Buchung hat 1 bis {most} Plätze.",
  leaves_single_seat: "{seat} bliebe allein. Nehmen Sie ihn dazu, oder wählen Sie andere.",
  not_confirmed: "Nur eine bezahlte Buchung kann erstattet werden. Geben Sie die Plätze stattdessen frei.",
  not_flagged: "Die Zahlung dieser Buchung muss niemand mehr ansehen.",
  payment_in_progress: "Eine Zahlung dieser Buchung läuft. Sehen Sie gleich noch einmal nach.",
  payment_under_review: "Erst muss jemand nach der Zahlung dieser Buchung sehen.",
  rate_limited: "Zu viele Anfragen in kurzer Zeit. Warten Sie einen Moment.",
  refund_in_progress: "Eine Erstattung dieser Buchung läuft. Sehen Sie gleich noch einmal nach.",
  refunds_all: "Das wäre alles, was von der Buchung übrig ist. Wählen Sie alle Plätze, um sie ganz zu erstatten.",
  sale_closed: "Der Verkauf ist beendet.",
  sale_not_open: "Der Verkauf öffnet am {opens}.",
  sales_paused: "Der Verkauf ist angehalten.",
  seat_unavailable: "{seat} wurde gerade vergeben. Wählen Sie einen anderen Platz.",
  seats_unavailable: "Es gibt noch {available}, aber nicht so viele auf einmal. Verkaufen Sie weniger.",
  show_cancelled: "Die Veranstaltung wurde abgesagt. Für sie wird nichts verkauft.",
  show_exists: "Eine andere Veranstaltung hat diese Kennung. Wählen Sie eine andere.",
  show_not_cancelled: "Sagen Sie die Veranstaltung zuerst ab.",
  sold_out: "Ausverkauft. Ein Platz wird frei, wenn eine Frist ohne Zahlung endet.",
  too_many_seats: "Eine Buchung hat höchstens {most} Plätze. Verkaufen Sie die anderen in einer zweiten.",
};

const t = messages({ en, de });

/**
 * A refusal as a sentence for staff; of one that has none here, the server's own.
 *
 * @param {{ code?: string, facts?: any, message: string }} problem
 */
export function refusal({ code, facts = {}, message }) {
  const name = code === "seat_unavailable" && facts.seat === undefined ? "seats_unavailable" : code;
  if (!Object.hasOwn(en, name)) return message;
  const { seat, opens_at: opens, most, available } = facts;
  return t(name, { most, available, seat: seat && seatName(seat), opens: opens && moment(opens) });
}
