// One booking: its details, tickets and history, and what staff may do with it.

import { h, redraw } from "../dom.js";
import { fullMoney, moment, placeNames, seatName } from "../words.js";
import { commandButton, outcomeBox, say, wrong } from "./asking.js";
import { badge } from "./bookings.js";
import { history } from "./history.js";
import { t } from "./messages.js";

const OUTCOMES = ["continue", "settled", "returned_elsewhere", "abandoned"];

/** Opens a booking in a dialog. `changed` is called after a command, `closed` when it is closed. */
export function openBooking({ call, id, closed, changed }) {
  const path = `/v1/bookings/${encodeURIComponent(id)}`;
  const [content, outcome] = [h("div", { class: "stack" }), outcomeBox()];
  const dialog = h(
    "dialog",
    { class: "dialog wide", "aria-labelledby": "booking-title" },
    h("div", { class: "toolbar" }, h("h2", { id: "booking-title", tabindex: "-1" }, t("booking")), h("form", { method: "dialog" }, h("button", { class: "plain" }, t("close")))),
    outcome,
    content,
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed();
  });
  document.body.append(dialog);
  dialog.showModal();

  const load = async () => {
    try {
      const { body: booking } = await call("GET", path);
      const [tickets, events] = await Promise.all([ticketsOf(booking), history(call, id)]);
      redraw(content, details(booking), actions(booking), tickets, events);
    } catch (error) {
      say(outcome, wrong(error));
    }
  };
  const done = async () => {
    await load();
    say(outcome, t("done"), true);
    changed();
  };

  async function ticketsOf({ status }) {
    if (status !== "confirmed") return undefined;
    const { body } = await call("GET", `${path}/tickets`);
    return h(
      "section",
      null,
      h("h3", null, t("tickets")),
      h("ul", { class: "tickets" }, body.tickets.map(({ seat, ticket }) => h("li", null, h("span", null, seatName(seat)), h("code", null, ticket)))),
    );
  }

  function actions(booking) {
    const parts = [];
    if (["held", "paying", "action_required"].includes(booking.status)) {
      parts.push(commandButton({ name: "cancel", text: t("cancel_booking"), means: t("cancel_booking_means"), outcome, act: (key) => call("DELETE", path, { key }), done }));
    }
    if (booking.status === "confirmed") parts.push(refund(booking));
    if (booking.payment?.under_review) parts.push(review(booking));
    return h("section", { class: "toolbar" }, parts);
  }

  function refund({ seats }) {
    const boxes = seats.map(({ seat }) => h("label", { class: "check" }, h("input", { type: "checkbox", value: seat, checked: true }), seatName(seat)));
    const given = () => boxes.map((box) => /** @type {HTMLInputElement} */ (box.firstElementChild)).filter((box) => box.checked).map((box) => box.value);
    const body = () => (given().length === seats.length ? undefined : { seats: given() });
    return h(
      "fieldset",
      { class: "stack" },
      seats.length > 1 && [h("legend", null, t("refund_which")), ...boxes],
      commandButton({ name: "refund", text: t("refund"), means: t("refund_means"), outcome, act: (key) => call("POST", `${path}/refund`, { key, body: body() }), done }),
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
      commandButton({ name: "review", text: t("review"), outcome, act: (key) => call("POST", `${path}/review`, { key, body: { outcome: choice.value, reason: reason.value } }), done }),
    );
  }

  load();
}

function details(booking) {
  const { id, status, seats, amount, refunded, opened_at: opened, confirmed_at: confirmed, expires_at: expires, buyer, channel, reference, reason, payment } = booking;
  const money = (value) => value && fullMoney(value.value, value.currency);
  const lines = [
    [t("number"), h("code", null, id)],
    [t("status"), [badge(status), reason && ` ${reason}`]],
    [t("seats"), placeNames(seats.map(({ seat }) => seat)).join(", ")],
    [t("amount"), money(amount)],
    [t("returned"), money(refunded)],
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
