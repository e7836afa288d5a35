// Bookings as CSV, with columns for people at the end: amounts in major units, and times by the clocks of the venue. Pure.

import { digitsOf } from "../words.js";
import { onTheWall } from "./zones.js";

const AMOUNTS = ["amount", "refunded", "discount"];
const TIMES = ["opened", "expires", "confirmed"];

/** Records of RFC 4180; a quoted cell may have line breaks. */
const recordsOf = (text) => text.match(/(?:"(?:[^"]|"")*"|[^"\r\n])+/g) ?? [];

const cellsOf = (record) => [...record.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,"]*))/g)].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain);

/** `8500` EUR → `85.00`. By its digits: no amount is too large to be exact. */
function major(minor, digits) {
  if (digits === 0 || !/^\d+$/.test(minor)) return minor;
  const padded = minor.padStart(digits + 1, "0");
  return `${padded.slice(0, -digits)}.${padded.slice(-digits)}`;
}

/** As spreadsheets take it for a time: they know no time zones. */
const local = (time, zone) => (time ? new Date(onTheWall(Date.parse(time), zone)).toISOString().slice(0, 19).replace("T", " ") : "");

/**
 * @param {string} text the server's CSV, whose columns stay as they are
 * @param {string} [zone] IANA name; UTC for a show that has none
 */
export function readable(text, zone = "UTC") {
  const [header, ...records] = recordsOf(text);
  const names = cellsOf(header ?? "");
  if (!header || names.includes("amount_major")) return text;
  const line = (record) => {
    const cells = cellsOf(record);
    const of = (name) => cells[names.indexOf(name)] ?? "";
    const digits = digitsOf(of("currency"));
    return [record, ...AMOUNTS.map((name) => major(of(name), digits)), ...TIMES.map((name) => local(of(`${name}_at`), zone)), zone].join(",");
  };
  const more = [...AMOUNTS.map((name) => `${name}_major`), ...TIMES.map((name) => `${name}_local`), "timezone"];
  return [[header, ...more].join(","), ...records.map(line), ""].join("\r\n");
}
