// The shop names the modules that it always loads, so that the browser fetches them at once, and no other.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { test } from "node:test";

const web = new URL("../../web/", import.meta.url);
const read = (file) => readFileSync(new URL(file, web), "utf8");

/** A script and all that it imports before it runs. */
function graph(first) {
  const [seen, open] = [new Set(), [first]];
  while (open.length > 0) {
    const file = open.pop();
    if (seen.has(file)) continue;
    seen.add(file);
    const imports = [...read(file).matchAll(/^(?:import|export) (?:[^(;"]+ from )?"([^"]+)";$/gm)];
    open.push(...imports.map(([, name]) => posix.join(posix.dirname(file), name)));
  }
  return seen;
}

test("the shop's page names each module that it loads at once, and no other", () => {
  const named = [...read("index.html").matchAll(/(?:href|src)="\/assets\/([^"]+\.js)"/g)].map(([, file]) => file);
  // Both maps need it, and which one is known when the show is.
  const needed = new Set([...graph("main.js"), "layout.js"]);
  assert.deepEqual([...new Set(named)].sort(), [...needed].sort());
  assert.equal(named.length, new Set(named).size + 1, "main.js is named twice, and no other");
  assert.ok(named.every((file) => existsSync(new URL(file, web))));
});
