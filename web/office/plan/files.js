// Files in and out: plans from CSV and JSON, and as both.

import { readCsv, writeCsv } from "./csv.js";
import { fromApi, toApi, withAreas } from "./document.js";
import { readJson } from "./json.js";

/**
 * The plan with what a text has in it. A JSON is a whole plan and takes the place of the one that there is, but keeps its id; a CSV has
 * further sections. Throws `FileProblem`.
 *
 * @param {string} text
 * @param {any} plan
 * @param {string} name of the file
 */
export function withFile(text, plan, name) {
  const isJson = /\.json$/i.test(name) || (!/\.(csv|tsv|txt)$/i.test(name) && /^\s*[{[]/.test(text));
  if (!isJson) return withAreas(plan, readCsv(text, plan.sections.map(({ area }) => area)));
  const read = fromApi(readJson(text));
  return { ...read, plan: plan.plan || read.plan, name: read.name || plan.name };
}

/** Lets the browser save a plan as a file. */
export function saveAs(plan, kind) {
  const text = kind === "csv" ? writeCsv(plan) : `${JSON.stringify(toApi(plan), null, 2)}\n`;
  const type = kind === "csv" ? "text/csv" : "application/json";
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: `${plan.plan || "plan"}.${kind}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
