// What the pages say is in their message files, in both languages: no sentence is anywhere else in a script.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const web = new URL("../../web/", import.meta.url);
// frame.js, history.js and link.js have theirs in both languages; the API's documentation is English only, as the API is.
const scripts = readdirSync(web, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith(".js") && !/messages\.js$|^texts\/|frame\.js$|history\.js$|^wallet\/link\.js$|^docs\/|vendor\/|worker\.js$/.test(file));

/** Names of keys, headers and algorithms; brands; and what only a developer reads. */
const NAMES = /^(Files|Arrow(Left|Right|Up|Down)|Home|End|Enter|Escape|Tab|Backspace|Delete|Visa|Mastercard|English|Deutsch|Bearer.*|Stripe.*|Ed25519|Notification|[A-Z][a-z]+[A-Z]\w*|[A-Z]\w*Error)$/;

/** Text of a script in quotes that a visitor could read: it begins with a capital letter and goes on with small ones. */
export function sentences(source) {
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$|\s\/\/ .*$/gm, "");
  // What is thrown is for developers, and an import is a path.
  const lines = code.split("\n").filter((line) => !/^\s*(import|export .* from) |new (Error|Problem|Unreachable)\(|^\s*super\(/.test(line));
  const quoted = lines.join("\n").matchAll(/"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g);
  const texts = [...quoted].map(([, double, single, template]) => double ?? single ?? template.replaceAll(/\$\{[^}]*\}/g, "…"));
  return texts.filter((text) => /^(… )?[A-Z][a-z]+|^… [a-z]+ [a-z]+|^[a-z]+ [a-z]+ [a-z' ]+[.?!]?$/.test(text) && !NAMES.test(text));
}

test("a sentence in a script is found", () => {
  assert.deepEqual(sentences('h("p", null, "Sold out.")'), ["Sold out."]);
  assert.deepEqual(sentences("h('p', null, `${seats} are sold to others`)"), ["… are sold to others"]);
  assert.deepEqual(sentences('h("button", { class: "quiet", title: t("close") }, "×")\n// "No text"'), []);
});

for (const file of scripts) {
  test(`${file} has its texts in a message file`, () => {
    assert.deepEqual(sentences(readFileSync(new URL(file, web), "utf8")), []);
  });
}
