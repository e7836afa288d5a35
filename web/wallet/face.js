// A ticket as it is shown and printed: black on white, whatever the colours of the page are.

import { h, s } from "../dom.js";
import { title } from "../words.js";
import { t } from "./messages.js";
import { dateOf, doorsOf, placeOf } from "./names.js";

/** @param {import("./store.js").Card} card @param {import("./store.js").Ticket} ticket */
export function ticketFace({ booking, show }, ticket) {
  const place = placeOf(ticket);
  return h(
    "article",
    { class: "ticket-face", data: { seat: ticket.seat } },
    h("h2", null, show?.title ?? booking.show),
    h("p", { class: "place" }, place, ticket.price_type && h("span", null, ` · ${title(ticket.price_type)}`)),
    qrCode(ticket.qr, t("qr", { seat: place })),
    h(
      "dl",
      null,
      fact("starts", show?.starts_at && dateOf(show.starts_at, show.timezone)),
      fact("doors", show?.doors_at && doorsOf(show)),
      fact("where", show?.venue),
      fact("number", h("code", null, booking.id)),
    ),
  );
}

const fact = (name, value) => value && h("div", null, h("dt", null, t(name)), h("dd", null, value));

function qrCode({ box, path }, label) {
  return s("svg", { class: "qr", viewBox: box, role: "img", "aria-label": label, "shape-rendering": "crispEdges" }, s("path", { d: path }));
}
