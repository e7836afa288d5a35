// The shop: shows, a show with its map, a booking to pay for, and its tickets. The address says which.

import { api, bearer, done, money, Refused, type Booking, type Show } from "./api.js";
import { h, say, show } from "./dom.js";
import { on, type LastseatMapElement, type Selection } from "./embed.js";

/** The sandbox's cards. A real shop has the gateway's form here. */
const CARDS: [string, string][] = [
  ["pm_card_visa", "Visa"],
  ["pm_card_authenticationRequired", "Visa, the bank asks"],
  ["pm_card_chargeDeclined", "A declined card"],
];

/** A booking's token is all that its buyer needs, so it is kept where this browser alone reads it. */
const tokens = {
  keep: (booking: Booking) => booking.token !== undefined && sessionStorage.setItem(booking.id, booking.token),
  of: (id: string) => sessionStorage.getItem(id) ?? "",
};

async function listShows(): Promise<void> {
  const { data } = done(await api.GET("/v1/shows", { params: { query: { status: "on_sale" } } }));
  const items = data.map(({ id, title, venue }) => h("li", {}, h("a", { href: `/?show=${encodeURIComponent(id)}` }, title), venue ? `, ${venue}` : ""));
  show(h("h1", {}, "On sale"), h("ul", { class: "shows" }, ...items));
}

async function openShow(id: string): Promise<void> {
  const found = done(await api.GET("/v1/shows/{show}", { params: { path: { show: id } } }));
  const map = h("lastseat-map", { show: id }) as LastseatMapElement;
  const order = h("section", { class: "order", "aria-label": "Your order" });
  on(map, "lastseat-selection", (selection) => drawOrder(order, selection, found, map));
  on(map, "lastseat-seat-lost", ({ seats }) => say(`${seats.join(", ")} was just taken by somebody else.`));
  on(map, "lastseat-error", ({ message }) => say(message));
  show(h("h1", {}, found.title), map, order);
  drawOrder(order, { seats: [], fees: 0, total: 0, currency: found.currency }, found, map);
}

function drawOrder(order: HTMLElement, { seats, fees, total, currency }: Selection, { id }: Show, map: LastseatMapElement): void {
  const lines = seats.map(({ name, price }) => h("li", {}, name, h("span", {}, money(price, currency))));
  if (fees > 0) lines.push(h("li", {}, "Fees", h("span", {}, money(fees, currency))));
  lines.push(h("li", { class: "sum" }, "Total", h("span", {}, money(total, currency))));
  const hold = h("button", { class: "primary", id: "hold", disabled: seats.length === 0, click: () => void run(() => holdSeats(id, map)) }, "Continue");
  order.replaceChildren(h("h2", {}, seats.length > 0 ? "Your seats" : "Choose your seats"), h("ul", {}, ...lines), hold);
}

async function holdSeats(id: string, map: LastseatMapElement): Promise<void> {
  // The same key for each try of this order: it is held once, whatever happens to the answer.
  const params = { path: { show: id }, header: { "Idempotency-Key": crypto.randomUUID() } };
  const booking = await map.hold(async (body) => done(await api.POST("/v1/shows/{show}/bookings", { params, body })));
  tokens.keep(booking);
  history.pushState(null, "", `/?booking=${booking.id}`);
  drawBooking(booking);
}

async function openBooking(id: string): Promise<void> {
  const headers = bearer(tokens.of(id));
  const booking = done(await api.GET("/v1/bookings/{id}", { params: { path: { id } }, headers }));
  // Back from the bank: continue the payment, whatever the bank's page said about it.
  if (booking.status === "action_required") return pay(id, undefined);
  if (booking.status === "confirmed") return showTickets(booking);
  drawBooking(booking);
}

function drawBooking(booking: Booking, problem = ""): void {
  const { amount, seats, expires_at } = booking;
  const open = booking.status === "held" || booking.status === "action_required";
  const lines = seats.map(({ seat, price }) => h("li", {}, seat, h("span", {}, amount ? money(price, amount.currency) : "")));
  if (amount) lines.push(h("li", { class: "sum" }, "Total", h("span", {}, money(amount.value, amount.currency))));
  const cards = CARDS.map(([method, name]) => h("button", { "data-card": method, click: () => void run(() => pay(booking.id, method)) }, name));
  show(
    h("h1", {}, open ? "Pay" : `Your booking: ${booking.status}`),
    h("section", { class: "order" }, h("ul", {}, ...lines), ...(open ? cards : [])),
    h("p", { class: "problem", role: "alert" }, problem),
    h("p", {}, open && expires_at ? `Held for you until ${new Date(expires_at).toLocaleTimeString()}.` : ""),
  );
}

/** Without a method: how did it go at the bank? */
async function pay(id: string, method: string | undefined): Promise<void> {
  const params = { path: { id }, header: { "Idempotency-Key": crypto.randomUUID() } };
  const headers = bearer(tokens.of(id));
  const body = method === undefined ? {} : { payment_method: method, return_url: `${location.origin}/?booking=${id}` };
  const answer = await api.POST("/v1/bookings/{id}/payment", { params, headers, body });
  if (answer.error?.code === "payment_declined") {
    const booking = done(await api.GET("/v1/bookings/{id}", { params: { path: { id } }, headers }));
    return drawBooking(booking, new Refused(answer.error).message);
  }
  const booking = done(answer);
  const action = booking.next_action;
  if (action?.type === "redirect_to_url") {
    // To the bank's page, which leads back to `return_url`.
    if (method !== undefined) return location.assign(action.url);
    return drawBooking(booking, "Your bank is still waiting for you to confirm.");
  }
  if (booking.status === "confirmed") return showTickets(booking);
  if (booking.status === "paying") {
    say("The bank takes its time…");
    await new Promise((resolve) => setTimeout(resolve, (booking.retry_after ?? 2) * 1000));
    return openBooking(id);
  }
  drawBooking(booking);
}

async function showTickets({ id }: Booking): Promise<void> {
  const headers = bearer(tokens.of(id));
  const found = done(await api.GET("/v1/bookings/{id}/tickets", { params: { path: { id } }, headers, parseAs: "json" }));
  if (typeof found === "string") throw new Error("These tickets are no JSON.");
  const tickets = await Promise.all(
    found.tickets.map(async ({ seat }) => {
      const params = { path: { id, seat }, query: { format: "svg" as const } };
      const { data, error } = await api.GET("/v1/bookings/{id}/tickets/{seat}", { params, headers, parseAs: "blob" });
      if (error !== undefined) throw new Refused(error);
      // A picture, and nothing that could run: an `img` loads no scripts.
      const src = URL.createObjectURL(new Blob([data as unknown as Blob], { type: "image/svg+xml" }));
      return h("li", { class: "ticket" }, h("img", { src, alt: `Code for seat ${seat}` }), h("b", {}, `Seat ${seat}`));
    }),
  );
  show(h("h1", {}, "Your tickets"), h("ul", { class: "tickets" }, ...tickets));
}

/** One thing at a time; what goes wrong is said. */
async function run(task: () => Promise<void>): Promise<void> {
  say("");
  document.querySelectorAll("button").forEach((button) => (button.disabled = true));
  try {
    await task();
  } catch (error) {
    say(error instanceof Refused ? error.message : "The box office can't be reached. Try again.");
    if (!(error instanceof Refused)) console.error(error);
    document.querySelectorAll("button").forEach((button) => (button.disabled = false));
  }
}

function open(): void {
  const query = new URLSearchParams(location.search);
  const [booking, id] = [query.get("booking"), query.get("show")];
  void run(() => (booking !== null ? openBooking(booking) : id !== null ? openShow(id) : listShows()));
}

window.addEventListener("popstate", open);
open();
