// What the wallet reads of the server: the account's bookings, and tickets with their codes.

import { get } from "../api.js";

const QR_PATIENCE_MS = 20_000;
const PAGE = 100;

/** All bookings of the account, newest first. */
export async function mine() {
  const bookings = [];
  for (let more = true; more; ) {
    const after = bookings.length > 0 ? `&starting_after=${encodeURIComponent(bookings.at(-1).id)}` : "";
    const { data, has_more } = await get(`/v1/me/bookings?limit=${PAGE}${after}`, { patience: 0 });
    bookings.push(...data);
    more = has_more && data.length > 0;
  }
  return bookings;
}

export const hasTickets = ({ status, payment }) => status === "confirmed" && !payment?.refund_requested;

/** The tickets with their QR codes. A code that this device has already is not drawn again. */
export async function loadTickets(id, token, known = []) {
  const { tickets } = await get(`/v1/bookings/${encodeURIComponent(id)}/tickets`, { token, patience: 0 });
  const drawn = new Map(known.map(({ ticket, qr }) => [ticket, qr]));
  return Promise.all(tickets.map(async (ticket) => ({ ...ticket, qr: drawn.get(ticket.ticket) ?? (await draw(id, ticket.seat, token)) })));
}

/** A QR code as the server draws it: only its shape is taken over, no markup. */
async function draw(id, seat, token) {
  const headers = { accept: "image/svg+xml", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`/v1/bookings/${encodeURIComponent(id)}/tickets/${encodeURIComponent(seat)}`, { headers, signal: AbortSignal.timeout(QR_PATIENCE_MS) });
  if (!response.ok) throw Object.assign(new Error(response.statusText), { status: response.status });
  const svg = new DOMParser().parseFromString(await response.text(), "image/svg+xml").documentElement;
  return { box: svg.getAttribute("viewBox"), path: [...svg.querySelectorAll("path")].at(-1).getAttribute("d") };
}
