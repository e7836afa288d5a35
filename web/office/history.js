// A booking's history as a timeline: what happened, when, by whom, and how much money.

import { h } from "../dom.js";
import { locale } from "../language.js";
import { eventName } from "../staff/event-messages.js";
import { fullMoney } from "../words.js";
import { t } from "./messages.js";

const MOST = 500;

/** The events of a booking's stream. Only some roles may read them. */
export async function history(call, booking) {
  const heading = h("h3", null, t("history"));
  let text;
  try {
    text = (await call("GET", `/v1/audit/events?${new URLSearchParams({ stream: `booking-${booking}`, limit: String(MOST) })}`, { accept: "application/x-ndjson" })).body;
  } catch (error) {
    if (error.status !== 403) throw error;
    return h("section", null, heading, h("p", { class: "hint" }, t("history_not_for")));
  }
  const clock = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "long" });
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
