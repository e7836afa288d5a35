// Who gets in while the server can't be asked: by the list that the device has, and by what it has scanned itself. Pure.
//
// Nothing here goes by the time: the device's clock may be wrong, and the server's is another. What a device does is numbered, and so is
// the moment at which its list was loaded.

/**
 * @typedef {import("./code.js").Facts} Facts
 * @typedef {{ issue: number, transfers: number, exchange: number, admitted_at?: string, gate?: string }} Listed
 * @typedef {{ kind: "entry" | "exit", at: string, gate: string, number: number, known?: number }} Made a scan that let somebody in or out.
 *   `known`: since which number the server has it
 * @typedef {{ admits: boolean, reason?: string, at?: string, gate?: string }} Verdict
 */

/** Names a ticket on this device. */
export const ticketOf = ({ booking, seat }) => `${booking}/${seat}`;

/**
 * @param {{ facts: Facts, show: string, kind: "entry" | "exit", listed?: Listed, loaded: number, scans: Made[] }} asked `scans` are this
 *   device's of the ticket; `loaded` is the number at which the list was asked for
 * @returns {Verdict}
 */
export function decide({ facts, show, kind, listed, loaded, scans }) {
  if (facts.show !== show) return { admits: false, reason: "ticket_of_other_show" };
  const last = lastOf(listed, loaded, scans);
  // Who is inside gets out, whatever has become of the ticket, and wherever they came in. Only who went out here is not inside.
  if (kind === "exit") return last?.kind === "exit" ? { admits: false, reason: "not_admitted" } : { admits: true };
  if (!listed) return { admits: false, reason: "not_listed" };
  if (facts.issue !== listed.issue) return { admits: false, reason: "reissued" };
  if (facts.transfers !== listed.transfers) return { admits: false, reason: "transferred" };
  if (facts.exchange !== listed.exchange) return { admits: false, reason: "exchanged" };
  if (last?.kind === "entry") return { admits: false, reason: "already_admitted", at: last.at, gate: last.gate };
  return { admits: true };
}

/** The last that is known to have happened with the ticket. What the server had when the list was loaded is in the list. */
function lastOf(listed, loaded, scans) {
  const since = scans.filter(({ known }) => known === undefined || known > loaded).sort((one, other) => one.number - other.number);
  return since.at(-1) ?? (listed?.admitted_at ? { kind: "entry", at: listed.admitted_at, gate: listed.gate ?? "" } : undefined);
}

/** The scans as the server takes them, in the order in which they were made, so many at a time. */
export function batches(scans, most = 50) {
  const sorted = [...scans].sort((one, other) => one.number - other.number);
  const body = ({ text, gate, scan, at, kind }) => ({ ticket: text, gate, scan, scanned_at: at, type: kind });
  return Array.from({ length: Math.ceil(sorted.length / most) }, (_, index) => sorted.slice(index * most, (index + 1) * most).map(body));
}
