// The tickets of a paid booking, as a file to keep. A link can't carry the booking's token, so the page fetches it.

import { announce, h } from "./dom.js";

const PATIENCE_MS = 20_000;

/** A button that stores the tickets of an entry as a PDF. */
export function ticketsButton({ id, token }) {
  const save = async () => {
    button.disabled = true;
    try {
      download(await fetchTickets(id, token));
      announce("Your tickets were downloaded.");
      button.textContent = "Download tickets";
    } catch {
      button.textContent = "Tickets can't be fetched. Try again";
      announce(button.textContent);
    }
    button.disabled = false;
  };
  const button = h("button", { type: "button", data: { key: `tickets ${id}`, act: "tickets" }, onclick: save }, "Download tickets");
  return button;
}

async function fetchTickets(id, token) {
  const headers = { accept: "application/pdf", authorization: `Bearer ${token}` };
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const response = await fetch(`/v1/bookings/${encodeURIComponent(id)}/tickets`, { headers, signal });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return response.blob();
}

function download(blob) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: "tickets.pdf" }).click();
  // Some browsers read it after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
