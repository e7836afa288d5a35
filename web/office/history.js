// A booking's history as a timeline: what happened, when, by whom, and how much money.

import { h } from "../dom.js";
import { language, locale } from "../language.js";
import { fullMoney } from "../words.js";
import { t } from "./messages.js";

const MOST = 500;
const NAMES = {
  en: {
    BookingOpened: "Seats held",
    HoldExtended: "Hold extended",
    PaymentStarted: "Payment begun",
    PaymentActionRequired: "The bank asks the buyer",
    PaymentAuthorised: "Payment authorised",
    PaymentDeclined: "Payment declined",
    PaymentCaptured: "Money taken",
    PaymentVoided: "Authorisation given back",
    PaymentFlagged: "A person has to look at the payment",
    PaymentReviewed: "Payment reviewed",
    PaymentReturnedElsewhere: "Money returned by another way",
    BookingCommitted: "Booking confirmed",
    BookingAborted: "Booking over",
    RefundRequested: "Refund requested",
    PaymentRefunded: "Money returned",
    PartialRefundRequested: "Refund of a part requested",
    PaymentPartlyRefunded: "Part of the money returned",
    BookingTransferred: "Given to another buyer",
    SeatLocked: "Seat held",
    SeatBooked: "Seat sold",
    SeatReleased: "Seat free again",
    SeatBlocked: "Seat blocked",
    SeatUnblocked: "Seat no longer blocked",
    ShowScheduled: "Show put on sale",
    SalesPaused: "Sale paused",
    SalesResumed: "Sale goes on",
    ShowCancelled: "Show cancelled",
  },
  de: {
    BookingOpened: "Plätze gehalten",
    HoldExtended: "Frist verlängert",
    PaymentStarted: "Zahlung begonnen",
    PaymentActionRequired: "Die Bank fragt den Käufer",
    PaymentAuthorised: "Zahlung genehmigt",
    PaymentDeclined: "Zahlung abgelehnt",
    PaymentCaptured: "Geld eingenommen",
    PaymentVoided: "Genehmigung zurückgegeben",
    PaymentFlagged: "Jemand muss nach der Zahlung sehen",
    PaymentReviewed: "Zahlung geprüft",
    PaymentReturnedElsewhere: "Geld auf anderem Weg zurück",
    BookingCommitted: "Buchung bestätigt",
    BookingAborted: "Buchung beendet",
    RefundRequested: "Erstattung verlangt",
    PaymentRefunded: "Geld zurückgezahlt",
    PartialRefundRequested: "Teilerstattung verlangt",
    PaymentPartlyRefunded: "Teil des Geldes zurückgezahlt",
    BookingTransferred: "An anderen Käufer übertragen",
    SeatLocked: "Platz gehalten",
    SeatBooked: "Platz verkauft",
    SeatReleased: "Platz wieder frei",
    SeatBlocked: "Platz gesperrt",
    SeatUnblocked: "Platz nicht mehr gesperrt",
    ShowScheduled: "Veranstaltung im Verkauf",
    SalesPaused: "Verkauf angehalten",
    SalesResumed: "Verkauf geht weiter",
    ShowCancelled: "Veranstaltung abgesagt",
  },
};

/** `PaymentCaptured` as words; of an event that has none here, its own name. */
export const eventName = (type) => NAMES[language]?.[type] ?? NAMES.en[type] ?? type.replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ");

/** The events of a booking's stream. Only some roles may read them. */
export async function history(call, booking) {
  const heading = h("h3", null, t("history"));
  let text;
  try {
    text = (await call("GET", `/v1/audit/events?stream=booking-${booking}&limit=${MOST}`, { accept: "application/x-ndjson" })).body;
  } catch (error) {
    if (error.status !== 403) throw error;
    return h("section", null, heading, h("p", { class: "hint" }, t("history_not_for")));
  }
  const clock = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
  const events = String(text).split("\n").filter(Boolean).map((line) => JSON.parse(line));
  return h(
    "section",
    null,
    heading,
    h(
      "ol",
      { class: "timeline" },
      events.map(({ type, data, metadata, position }) =>
        h(
          "li",
          null,
          h("time", { datetime: metadata.at }, clock.format(new Date(metadata.at))),
          h("b", null, eventName(type)),
          data.amount?.value !== undefined && h("span", null, fullMoney(data.amount.value, data.amount.currency)),
          data.reason && h("span", null, String(data.reason)),
          h("span", { class: "hint" }, `${metadata.actor} · #${position}`),
        ),
      ),
    ),
  );
}
