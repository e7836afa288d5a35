// Looks at every page with axe-core, in light and dark, as a desktop and as a phone show it: no violation. The pages of the shop and of the
// box office are looked at in English and in German, and say nothing in German that they say in English.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";
import { textsOf, untranslated } from "./languages.mjs";
import { site } from "./site.mjs";
import { NAMES, prepare } from "./states.mjs";

const [program, chromium] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "lastseat-pages-"));
const elsewhere = await site();
const server = spawn(program, ["serve", "--listen", "127.0.0.1:0", "--cors-origin", elsewhere.url, "--hold-seconds", "3600", "--data", join(folder, "data")], { stdio: ["ignore", "pipe", "ignore"] });
const PHONE = [390, 844];
const SIZES = [[1280, 900], PHONE, [320, 640]];
/** Pages that are looked at side by side. */
const AT_ONCE = 3;
/** The rules that may find something else in the dark: each rule was asked in the light. */
const COLOURS = { runOnly: { type: "rule", values: ["color-contrast", "link-in-text-block"] } };
/** What only a person at the screen uses: the pop-ups of the address bar are pages that take as long as the one that is looked at. */
const UNUSED = "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,SpareRendererForSitePerProcess";
let browser;
let failed = 0;

try {
  const url = await address(server.stdout);
  const tokenOf = (sub, role) => execFileSync(program, ["token", "--sub", sub, "--role", role, "--data", join(folder, "data")], { encoding: "utf8" }).trim();
  const token = tokenOf("ann", "admin");
  const ask = async (method, path, body, headers = { authorization: `Bearer ${token}` }) => {
    const answer = await fetch(url + path, { method, headers: { ...headers, "content-type": "application/json" }, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? undefined : answer.json();
  };
  const { shop, others } = await prepare(ask, token, tokenOf("stan", "staff"), elsewhere.pageOf(url));
  browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox", "--lang=en-GB", UNUSED] });
  const waiting = [...shop, ...others];
  const lookAtAll = async () => {
    for (let page = waiting.shift(); page; page = waiting.shift()) await inBothLanguages(page, shop.includes(page) || page.german === true, url);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lookAtAll));
  console.log(`axe: ${shop.length + others.length} pages, each in light and dark at three widths, ${[...shop, ...others.filter(({ german }) => german)].length} of them in German too, ${failed} with violations`);
} finally {
  await browser?.close();
  elsewhere.close();
  server.kill("SIGTERM");
  await new Promise((resolve) => server.once("exit", resolve));
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed > 0 ? 1 : 0);

async function inBothLanguages(page, isShop, url) {
  const sizes = page.few ? [PHONE] : SIZES;
  const english = await looks({ ...page, language: "en" }, ["light", "dark"], sizes, url);
  if (!isShop) return;
  // The colours are those of the English pages; the texts are longer.
  const german = await looks({ ...page, language: "de" }, ["light"], page.few ? [PHONE] : [SIZES[0], SIZES.at(-1)], url);
  report({ ...page, language: "de" }, "not in German", untranslated(english, german, NAMES));
}

/** Opens a page in a browser that knows nothing, brings it into its state, and uses it. */
async function visit({ path, ready, act, then, token, language }, size, url, use) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  try {
    await show(page, "light", size);
    if (token) await page.evaluateOnNewDocument((value) => sessionStorage.setItem("lastseat.staff-token", value), token);
    await page.evaluateOnNewDocument((value) => localStorage.setItem("lastseat.language", value), language);
    const broken = [];
    page.on("pageerror", (error) => broken.push(error.message));
    await page.goto(new URL(path, url).href);
    await appear(page, ready);
    if (act) {
      await act(page);
      await appear(page, then);
    }
    return await use(page, broken);
  } finally {
    await context.close();
  }
}

/** What is in an element's own tree is looked for in each frame: changes there are not reported to the document. */
function appear(page, selector) {
  return page.waitForSelector(selector, { timeout: 30_000, visible: selector.includes(">>>") });
}

async function show(page, scheme, [width, height]) {
  await page.setViewport({ width, height });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: "reduce" }]);
}

/** Looks at one state in all colours and sizes, and returns its texts: it stays as it is while the window changes. */
function looks(state, schemes, sizes, url) {
  return visit(state, sizes[0], url, async (page, broken) => {
    // The page's policy lets no foreign script in; the browser's own console may.
    await page.evaluate(axe);
    const texts = [];
    for (const scheme of schemes) {
      for (const size of sizes) {
        await show(page, scheme, size);
        texts.push(...(await look(page, state, scheme, size, broken.splice(0))));
      }
    }
    return texts;
  });
}

async function look(page, state, scheme, size, broken) {
  // Two frames, after which a map that follows its size has begun to draw; and until it, and what moves, is done.
  await page.evaluate(async () => {
    for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
    const ending = document.getAnimations().filter((animation) => animation.effect.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map(({ finished }) => finished));
  });
  await page.waitForFunction(
    () => [document, ...[...document.querySelectorAll("lastseat-map")].map(({ shadowRoot }) => shadowRoot)].every((root) => !root.querySelector("canvas[data-drawing]")),
    { timeout: 30_000 },
  );
  const found = await page.evaluate((options) => window.axe.run(document, { resultTypes: ["violations"], ...options }), scheme === "light" ? {} : COLOURS);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth + 1);
  report(state, `${scheme}, ${size[0]}`, [...broken, ...found.violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), ...(wide ? ["it scrolls sideways"] : [])]);
  return page.evaluate(textsOf);
}

function report({ path, language }, what, problems) {
  if (problems.length === 0) return;
  failed += 1;
  console.error(`${path}, ${language}, ${what}:`);
  for (const problem of problems) console.error(`  ${problem.slice(0, 300)}`);
}

async function address(output) {
  for await (const line of createInterface({ input: output })) {
    const found = line.match(/Seat map\s+(http:\S+)/);
    if (found) {
      output.resume();
      return found[1].replace(/\/$/, "");
    }
  }
  throw new Error("the server has ended");
}
