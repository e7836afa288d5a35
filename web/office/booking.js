// One booking: its details, tickets and history, and what staff may do with it.

import { h, redraw } from "../dom.js";
import { fullMoney, moment, placeNames, printed, seatName } from "../words.js";
import { commandButton, outcomeBox, say, unread, wrong } from "./asking.js";
import { badge } from "./bookings.js";
import { t as exchangeText } from "./exchange-messages.js";
import { openExchange } from "./exchange.js";
import { history } from "./history.js";
import { t } from "./messages.js";

const OUTCOMES = ["continue", "settled", "returned_elsewhere", "abandoned"];
const REVIEWERS = ["manager", "admin"];
const LOOK_AGAIN_MS = 3_000;
/** What exchanges have made cheaper and was not returned yet, by booking: who looks at something else meanwhile finds it again. */
const differences = new Map();

/**
 * Opens a booking in a dialog. `known` is what a list says of it, `changed` is called after a command, `closed` when it is closed.
 * Returns what closes it.
 */
export function openBooking({ call, session, id, known, closed, changed }) {
  const path = `/v1/bookings/${encodeURIComponent(id)}`;
  const [content, outcome] = [h("div", { class: "stack" }), outcomeBox()];
  let timer = 0;
  let buyer = known?.buyer;
  const dialog = h(
    "dialog",
    { class: "dialog wide", "aria-labelledby": "booking-title" },
    h("div", { class: "toolbar" }, h("h2", { id: "booking-title", tabindex: "-1" }, t("booking")), h("form", { method: "dialog" }, h("button", { class: "plain" }, t("close")))),
    outcome,
    content,
  );
  dialog.addEventListener("close", () => {
    clearTimeout(timer);
    dialog.remove();
    closed();
  });
  document.body.append(dialog);
  dialog.showModal();

  const load = async () => {
    clearTimeout(timer);
    try {
      const { body: booking } = await call("GET", path);
      buyer ??= await buyerOf(booking);
      // What can't be shown of them keeps nobody from what can be done.
      const [tickets, events] = await Promise.all([ticketsOf(booking), history(call, id).catch((error) => note("history", error))]);
      if (!dialog.open) return;
      redraw(content, details(booking, buyer), actions(booking), tickets, events);
      if (isUnderWay(booking)) timer = setTimeout(load, LOOK_AGAIN_MS);
    } catch (error) {
      say(outcome, unread(error));
    }
  };
  /** 202: it is recorded, and goes on by itself. */
  const done = async ({ status }) => {
    await load();
    say(outcome, t(status === 202 ? "recorded" : "done"), true);
    changed();
  };

  /** Only lists have the buyer. */
  async function buyerOf({ show, seats }) {
    if (!show || seats.length === 0) return undefined;
    const query = new URLSearchParams({ seat: seats[0].seat, limit: "100" });
    const found = await call("GET", `/v1/shows/${encodeURIComponent(show)}/bookings?${query}`).catch(() => undefined);
    return found?.body.data.find((booking) => booking.id === id)?.buyer;
  }

  async function ticketsOf({ status, payment }) {
    // While all of it is being refunded, it has none.
    if (status !== "confirmed" || payment?.refund_requested) return undefined;
    try {
      const { body } = await call("GET", `${path}/tickets`);
      const lines = body.tickets.map((ticket) => h("li", null, h("span", null, seatName(ticket)), h("code", null, ticket.ticket)));
      return h("section", null, h("h3", null, t("tickets")), h("ul", { class: "tickets" }, lines));
    } catch (error) {
      return note("tickets", error);
    }
  }

  const note = (title, error) => h("section", null, h("h3", null, t(title)), h("p", { class: "hint" }, unread(error)));

  function actions(booking) {
    const parts = [];
    if (["held", "paying", "action_required"].includes(booking.status)) {
      parts.push(commandButton({ name: "cancel", text: t("cancel_booking"), means: t("cancel_booking_means"), outcome, keep: `cancel ${id}`, act: (key) => call("DELETE", path, { key }), done }));
    }
    if (isUnderWay(booking)) parts.push(h("p", { class: "notice", role: "status" }, t("refund_under_way")));
    else if (booking.status === "confirmed" && !booking.payment?.refund_requested) parts.push(refund(booking), exchange(booking));
    if (booking.payment?.under_review) parts.push(REVIEWERS.includes(session.role) ? review(booking) : h("p", { class: "notice" }, t("review_not_for", { why: booking.payment.flagged ?? "" })));
    return h("section", { class: "toolbar" }, parts);
  }

  function exchange(booking) {
    const exchanged = async ({ text, less: difference }) => {
      differences.set(id, (differences.get(id) ?? 0) + difference);
      await load();
      say(outcome, text, true);
      changed();
    };
    const open = h("button", { type: "button", "data-act": "open_exchange", "data-key": "open_exchange", onclick: () => openExchange({ call, booking, done: exchanged }) }, exchangeText("exchange"));
    const less = differences.get(id) ?? 0;
    if (less <= 0) return open;
    const amount = fullMoney(less, booking.amount.currency);
    const back = commandButton({
      name: "return_difference",
      text: exchangeText("return_difference", { amount }),
      means: exchangeText(isFromTill(booking) ? "return_means_till" : "return_means", { amount }),
      outcome,
      keep: `difference ${id}`,
      what: () => ({ amount: less }),
      act: (key, body) => call("POST", `${path}/refund`, { key, body }),
      // Its seats are not given back, so to choose all of them is no way.
      explain: (error) => (error.code === "refunds_all" ? exchangeText("return_all") : wrong(error)),
      done: (answer, { amount: returned }) => {
        differences.set(id, (differences.get(id) ?? 0) - returned);
        return done(answer);
      },
    });
    return [back, open];
  }

  function refund(booking) {
    const { seats } = booking;
    const boxes = seats.map((seat) => h("label", { class: "check" }, h("input", { type: "checkbox", value: seat.seat, checked: true }), seatName(seat)));
    const given = () => boxes.map((box) => /** @type {HTMLInputElement} */ (box.firstElementChild)).filter((box) => box.checked).map((box) => box.value);
    const body = () => (given().length === seats.length ? undefined : { seats: given() });
    return h(
      "fieldset",
      { class: "stack" },
      seats.length > 1 && [h("legend", null, t("refund_which")), ...boxes],
      commandButton({
        name: "refund",
        text: t("refund"),
        means: t(isFromTill(booking) ? "refund_means_till" : booking.payment?.tender === "complimentary" ? "refund_means_nothing" : "refund_means"),
        outcome,
        may: () => (given().length === 0 ? t("refund_none") : undefined),
        keep: `refund ${id}`,
        what: body,
        act: (key, what) => call("POST", `${path}/refund`, { key, body: what }),
        done,
      }),
    );
  }

  function review({ payment }) {
    const choice = h("select", null, OUTCOMES.map((name) => h("option", { value: name }, t(`review_${name}`))));
    const reason = h("input", { maxlength: "500", required: true });
    return h(
      "fieldset",
      { class: "stack" },
      h("legend", null, t("under_review", { why: payment.flagged ?? "" })),
      h("label", { class: "field" }, t("outcome"), choice),
      h("label", { class: "field" }, t("reason"), reason),
      commandButton({
        name: "review",
        text: t("review"),
        means: t("review_means"),
        outcome,
        may: () => (reason.value.trim() ? undefined : t("review_reason")),
        keep: `review ${id}`,
        what: () => ({ outcome: choice.value, reason: reason.value.trim() }),
        act: (key, body) => call("POST", `${path}/review`, { key, body }),
        done,
      }),
    );
  }

  load();
  return () => dialog.close();
}

/** Whether the money is staff's to return: the server asks no gateway then. */
const isFromTill = ({ payment }) => ["cash", "invoice"].includes(payment?.tender);

/** Whether the server is still at it, so that one should look again. A person's turn is not. */
function isUnderWay({ status, payment, refunds = [] }) {
  if (payment?.under_review) return false;
  return status === "confirmed" && (payment?.refund_requested || refunds.some((refund) => refund.status === "requested"));
}

function details(booking, buyer) {
  const { id, show, status, seats, amount, fees, discount, refunded, refunds = [], opened_at: opened, confirmed_at: confirmed, expires_at: expires, channel, reference, reason, payment } = booking;
  const money = (value) => value && fullMoney(value.value, value.currency);
  const part = ({ seats: given, places, amount: returned, status: state }) => h("div", null, `${money(returned)} · ${t(`refund_${state}`)}${given.length > 0 ? ` · ${placeNames(printed(given, places)).join(", ")}` : ""}`);
  const lines = [
    [t("number"), h("code", null, id)],
    [t("show"), show],
    [t("status"), [badge(status), reason && ` ${t(`reason_${reason}`)}`]],
    [t("seats"), placeNames(seats).join(", ")],
    [t("amount"), money(amount)],
    [t("fees"), money(fees)],
    [t("discount"), money(discount)],
    [t("returned"), money(refunded)],
    [t("refunds"), refunds.length > 0 && refunds.map(part)],
    [t("opened"), opened && moment(opened)],
    [t("status_confirmed"), confirmed && moment(confirmed)],
    [t("status_held"), status === "held" && expires && `→ ${moment(expires)}`],
    [t("buyer"), buyer],
    [t("by_channel"), channel],
    [t("reference"), reference],
    [t("tender"), payment?.tender && t(payment.tender)],
  ];
  return h("dl", { class: "details" }, lines.filter(([, value]) => value).map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}
