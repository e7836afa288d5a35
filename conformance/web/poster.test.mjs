// The pictures of shows: always the same for one, and mostly unlike for others.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

// The module draws elements, and a test has no document: only what computes them is taken.
const source = readFileSync(new URL("../../web/poster.js", import.meta.url), "utf8");
const { posterOf, WIDTH, HEIGHT } = await import(`data:text/javascript,${encodeURIComponent(source.replace(/^import .*$/m, "const s = undefined;"))}`);

const shows = Array.from({ length: 200 }, (_, index) => `gala-${index + 1}`);

test("a show has the same picture every time", () => {
  for (const show of shows) assert.deepEqual(posterOf(show), posterOf(show));
});

test("shows with similar ids have pictures of every kind and in every colour", () => {
  const pictures = shows.map((show) => posterOf(show));
  assert.equal(new Set(pictures.map((picture) => JSON.stringify(picture))).size, shows.length);
  assert.equal(new Set(pictures.map(([ground]) => ground.fill)).size, 8);
  const kinds = new Set(pictures.map((picture) => picture.map(({ name }) => name).join("").slice(0, 24)));
  assert.ok(kinds.size >= 5, [...kinds].join("\n"));
  // Series are on one page, and neighbours should not look the same.
  const same = shows.filter((_, index) => index > 0 && pictures[index][0].fill === pictures[index - 1][0].fill);
  assert.ok(same.length < shows.length / 4, String(same.length));
});

test("a picture is made of shapes in few colours, and of nothing that loads or runs", () => {
  for (const show of [...shows, "", "a".repeat(64)]) {
    const picture = posterOf(show);
    assert.ok(picture.length > 3 && picture.length < 60, `${show}: ${picture.length}`);
    assert.deepEqual([picture[0].width, picture[0].height], [WIDTH, HEIGHT]);
    for (const { name, ...attributes } of picture) {
      assert.match(name, /^(rect|circle|polygon|path)$/);
      for (const [attribute, value] of Object.entries(attributes)) {
        assert.doesNotMatch(attribute, /^(on|href|style|class)/);
        assert.doesNotMatch(String(value), /NaN|undefined|url|Infinity/, `${show} ${name} ${attribute}`);
      }
    }
  }
});
