// Each language has every message, with the same places to fill in.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const web = new URL("../../web/", import.meta.url);
const files = readdirSync(web, { recursive: true }).filter((file) => /messages\.js$|frame\.js$/.test(String(file)));
/** Messages of which a page loads one language. */
const pairs = readdirSync(new URL("texts/", web)).filter((file) => file.endsWith(".en.js"));
const places = (message) => [...JSON.stringify(message).matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

function compare(en, de) {
  assert.ok(Object.keys(en).length > 5);
  assert.deepEqual(Object.keys(de).sort(), Object.keys(en).sort());
  for (const key of Object.keys(en)) {
    assert.equal(typeof de[key], typeof en[key], key);
    assert.deepEqual([...new Set(places(de[key]))], [...new Set(places(en[key]))], key);
  }
}

for (const file of pairs) {
  test(`German and English say the same in texts/${file}`, async () => {
    const [en, de] = await Promise.all([file, file.replace(".en.", ".de.")].map((name) => import(new URL(`texts/${name}`, web).href)));
    compare(en.default, de.default);
  });
}

test("a message that is missing in one language is found", () => {
  const en = { a: "{count}", b: "", c: "", d: "", e: "", f: "" };
  assert.throws(() => compare(en, { ...en, a: "" }));
  assert.throws(() => compare({ ...en, g: "" }, en));
});

for (const file of files) {
  test(`German and English say the same in ${file}`, () => {
    const source = readFileSync(new URL(String(file), web), "utf8");
    if (/ texts\(/.test(source)) return;
    const object = (name) => {
      const start = Math.max(source.indexOf(`const ${name} = {`), source.indexOf(`\n  ${name}: {`));
      const open = source.indexOf("{", start);
      let [at, depth] = [open, 0];
      // Braces in texts come in pairs.
      do depth += { "{": 1, "}": -1 }[source[at++]] ?? 0;
      while (depth > 0);
      return new Function(`return ${source.slice(open, at)}`)();
    };
    compare(object("en"), object("de"));
  });
}
