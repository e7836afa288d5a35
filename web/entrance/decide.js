// Who gets in while the server can't be asked: by the list that the device has, and by what it has scanned itself. Pure.

/**
 * @typedef {import("./code.js").Facts} Facts
 * @typedef {{ issue: number, transfers: number, exchange: number, admitted_at?: string, gate?: string }} Listed
 * @typedef {{ ticket: string, kind: "entry" | "exit", at: string, gate: string }} Made a scan that let somebody in or out
 * @typedef {{ admits: boolean, reason?: string, at?: string, gate?: string }} Verdict
 */

/** Names a ticket on this device. */
export const ticketOf = ({ booking, seat }) => `${booking}/${seat}`;

/**
 * @param {{ facts: Facts, show: string, kind: "entry" | "exit", listed?: Listed, scans: Made[] }} asked `scans` are this device's of the
 *   ticket, oldest first
 * @returns {Verdict}
 */
export function decide({ facts, show, kind, listed, scans }) {
  if (facts.show !== show) return { admits: false, reason: "ticket_of_other_show" };
  const last = lastOf(listed, scans);
  // Who is inside gets out, whatever has become of the ticket.
  if (kind === "exit") return last?.kind === "entry" ? { admits: true } : { admits: false, reason: "not_admitted" };
  if (!listed) return { admits: false, reason: "not_listed" };
  if (facts.issue !== listed.issue) return { admits: false, reason: "reissued" };
  if (facts.transfers !== listed.transfers) return { admits: false, reason: "transferred" };
  if (facts.exchange !== listed.exchange) return { admits: false, reason: "exchanged" };
  if (last?.kind === "entry") return { admits: false, reason: "already_admitted", at: last.at, gate: last.gate };
  return { admits: true };
}

/** The last that is known to have happened with the ticket: on this device, or before its list was loaded. */
function lastOf(listed, scans) {
  const known = listed?.admitted_at ? [{ kind: "entry", at: listed.admitted_at, gate: listed.gate ?? "" }] : [];
  return [...known, ...scans].sort((one, other) => Date.parse(one.at) - Date.parse(other.at)).at(-1);
}

/** The scans as the server takes them, oldest first, so many at a time. */
export function batches(scans, most = 50) {
  const sorted = [...scans].sort((one, other) => Date.parse(one.at) - Date.parse(other.at));
  const body = ({ text, gate, scan, at, kind }) => ({ ticket: text, gate, scan, scanned_at: at, type: kind });
  return Array.from({ length: Math.ceil(sorted.length / most) }, (_, index) => sorted.slice(index * most, (index + 1) * most).map(body));
}
