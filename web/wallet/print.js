// Tickets on paper: one on each page.

import { byId, h } from "../dom.js";
import { ticketFace } from "./face.js";

/** @typedef {import("./store.js").Card} Card */

/**
 * Prints what `all` returns when the browser's own command is used; the returned function prints the tickets of one booking.
 *
 * @param {() => Card[]} all
 */
export function printing(all) {
  /** @type {Card | undefined} */
  let only;
  window.addEventListener("beforeprint", () => {
    const cards = only ? [only] : all();
    byId("sheet").replaceChildren(...cards.flatMap((card) => card.tickets.map((ticket) => h("section", null, ticketFace(card, ticket), h("p", { class: "code" }, ticket.ticket)))));
  });
  window.addEventListener("afterprint", () => {
    only = undefined;
    byId("sheet").replaceChildren();
  });
  return (card) => {
    only = card;
    window.print();
  };
}
