// The id of a ticket follows from its booking and seat: a name-based UUID (version 5 of RFC 9562).

/** lastseat's own namespace. */
const NAMESPACE = "lastseat\u008eothing!";

/**
 * The ticket of a booking for a seat; undefined where the browser computes no hashes, which is on pages without HTTPS.
 *
 * @param {string} booking
 * @param {string} seat
 */
export async function ticketOf(booking, seat) {
  if (!globalThis.crypto?.subtle) return undefined;
  const namespace = Uint8Array.from(NAMESPACE, (letter) => letter.charCodeAt(0));
  const name = new TextEncoder().encode(`ticket|${booking}|${seat}`);
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-1", new Uint8Array([...namespace, ...name]))).slice(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x50;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
