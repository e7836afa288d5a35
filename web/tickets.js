// The tickets of a paid booking, as a file to keep. A link can't carry the booking's token, so the page fetches it.

import { announce, h } from "./dom.js";
import { t } from "./shop-messages.js";

const PATIENCE_MS = 20_000;

/** Stores the tickets of an entry as a PDF, and says on the button that was pressed how that went. */
export async function saveTickets(button, { id, token }) {
  button.disabled = true;
  try {
    download(await fetchTickets(id, token));
    announce(t("downloaded"));
    button.textContent = t("download");
  } catch {
    button.textContent = t("not_downloaded");
    announce(button.textContent);
  }
  button.disabled = false;
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
