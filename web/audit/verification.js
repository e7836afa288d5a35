// Has the server prove its whole log, and shows how far it is and what it came to.

import { announce, h, redraw } from "../dom.js";
import { number } from "../words.js";
import { Lines } from "./lines.js";
import { t } from "./messages.js";

/** Violations that are named; the report has them all. */
const SHOWN = 20;

/**
 * @typedef {{ number: number, text: string, holds: boolean, provable: boolean, checked: number, violations: number }} Guarantee
 * @typedef {{ position?: number, of?: number, detail?: string, clean?: boolean,
 *   report?: { events: number, position: number, guarantees: Guarantee[], violations: { position: number, stream: string, text: string }[],
 *     violations_total: number } }} Line
 */

/**
 * The panel with the button.
 *
 * @param {import("../staff/session.js").Session} session
 */
export function verificationBox(session) {
  const state = h("div", { class: "stack", role: "status" });
  const button = h("button", { type: "button", class: "primary", "data-act": "verify" }, t("verify_now"));
  const result = h("div", { class: "stack" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    redraw(result);
    redraw(state, h("p", null, t("verify_begins")));
    try {
      const verdict = await verify(session, (line) => redraw(state, progressOf(line)));
      redraw(state);
      redraw(result, verdict.report ? verdictOf(verdict) : h("p", { class: "notice" }, t("verify_stopped", { why: verdict.detail ?? "" })));
      if (verdict.report) announce(t(verdict.clean ? "verify_clean" : "verify_broken"));
    } catch (error) {
      redraw(state);
      redraw(result, h("p", { class: "notice" }, t("verify_failed", { problem: error.message })));
    }
    button.disabled = false;
  });
  return [button, state, result];
}

/**
 * Asks for the proof. Returns the last line; an answer that ends without one proves nothing.
 *
 * @param {import("../staff/session.js").Session} session
 * @param {(line: Line) => void} progress
 * @returns {Promise<Line>}
 */
async function verify({ token, headers }, progress) {
  const authorization = token ? { authorization: `Bearer ${token}` } : {};
  const response = await fetch("/v1/audit/verification", { headers: { ...headers, ...authorization, accept: "application/x-ndjson" } });
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).detail ?? String(response.status));
  if (!response.body) throw new Error(t("verify_cut"));
  const lines = new Lines();
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let last; ; ) {
    const { value, done } = await reader.read();
    for (const line of lines.take(value ?? "")) {
      last = line;
      if (line.of !== undefined) progress(line);
    }
    if (!done) continue;
    if (last?.report || last?.detail) return last;
    throw new Error(t("verify_cut"));
  }
}

/** @param {Line} line */
function progressOf({ position = 0, of = 0 }) {
  const text = t("verify_progress", { position: number(position), of: number(of) });
  return [h("progress", { max: String(of), value: String(position), "aria-label": text }), h("p", { class: "hint" }, text)];
}

/** @param {Line} line */
function verdictOf({ clean, report }) {
  if (!report) return [];
  const named = report.violations.slice(0, SHOWN);
  return [
    h("p", { class: clean ? "notice good" : "notice bad" }, t(clean ? "verify_clean" : "verify_broken"), ` ${t("verify_read", { events: number(report.events), position: number(report.position) })}`),
    named.length > 0 && h("ul", null, named.map(({ position, stream, text }) => h("li", { lang: "en" }, `#${position} ${stream}: ${text}`))),
    report.violations_total > named.length && h("p", { class: "hint" }, t("verify_more", { count: report.violations_total - named.length })),
    h("details", null, h("summary", null, t("verify_guarantees")), h("ol", { lang: "en" }, report.guarantees.map(guarantee))),
  ];
}

/** @param {Guarantee} guarantee */
function guarantee({ number: value, text, holds, provable, checked }) {
  return h("li", { value: String(value) }, `${holds ? (provable ? "✓" : "○") : "✗"} ${text} `, h("span", { class: "hint" }, t("verify_checked", { count: checked })));
}
