// Pages that work without a network keep every file that they are made of.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const web = new URL("../../web/", import.meta.url);
const source = (file) => readFileSync(new URL(file, web), "utf8");

for (const name of ["entrance", "wallet"]) {
  test(`the worker keeps every file that the page ${name} is made of`, () => {
    const worker = source(`${name}/worker.js`);
    const kept = new Set([...worker.slice(worker.indexOf("keepPage(")).matchAll(/"\/assets\/([^"]+)"/g)].map(([, file]) => file));
    const needed = new Set([...source(`${name}/${name}.html`).matchAll(/(?:href|src)="\/assets\/([^"]+)"/g)].map(([, file]) => file));
    for (const file of needed) {
      if (!file.endsWith(".js")) continue;
      // What is loaded only where it is needed, too: that may be without a network.
      for (const [, always, sometimes] of source(file).matchAll(/^import .* from "(\.[^"]+)";$|import\("(\.[^"]+)"\)/gm)) needed.add(new URL(always ?? sometimes, new URL(file, web)).href.slice(web.href.length));
    }
    assert.deepEqual([...kept].sort(), [...needed].sort());
    assert.ok(worker.includes(`"/${name}"`));
  });
}
