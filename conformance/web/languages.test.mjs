// The check for English texts in a German page finds them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { untranslated } from "./languages.mjs";

test("a text that both languages share is found, and a name is none", () => {
  const english = ["Hold 2 seats", "Sold out.", "Last Night of the Proms", "€85", "Visa", "A 12"];
  const german = ["2 Plätze reservieren", "Sold out.", "Last Night of the Proms", "85 €", "Visa", "A 12"];
  assert.deepEqual(untranslated(english, german, ["Last Night of the Proms"]), ["Sold out."]);
  assert.deepEqual(untranslated(english, german), ["Sold out.", "Last Night of the Proms"]);
});

test("a name does not hide the words around it", () => {
  assert.deepEqual(untranslated(["Fewer places in Floor"], ["Fewer places in Floor"], ["Floor"]), ["Fewer places in Floor"]);
});
