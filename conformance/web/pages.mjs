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
import { NAMES, prepare } from "./states.mjs";

const [program, chromium] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "lastseat-pages-"));
const server = spawn(program, ["serve", "--listen", "127.0.0.1:0", "--hold-seconds", "3600", "--data", join(folder, "data")], { stdio: ["ignore", "pipe", "ignore"] });
const PHONE = [390, 844];
const SIZES = [[1280, 900], PHONE, [320, 640]];
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
  const { shop, others } = await prepare(ask, token, tokenOf("stan", "staff"));
  browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox", "--lang=en-GB"] });
  for (const page of [...shop, ...others]) {
    const english = [];
    for (const scheme of ["light", "dark"]) {
      for (const size of page.few ? [PHONE] : SIZES) english.push(await look({ ...page, language: "en" }, scheme, size, url));
    }
    if (others.includes(page) && !page.german) continue;
    // The colours are those of the English pages; the texts are longer.
    for (const size of page.few ? [PHONE] : [SIZES[0], SIZES.at(-1)]) {
      const german = await look({ ...page, language: "de" }, "light", size, url);
      report({ ...page, language: "de" }, "not in German", untranslated(english.flat(), german, NAMES));
    }
  }
  console.log(`axe: ${shop.length + others.length} pages, each in light and dark at three widths, ${[...shop, ...others.filter(({ german }) => german)].length} of them in German too, ${failed} with violations`);
} finally {
  await browser?.close();
  server.kill("SIGTERM");
  await new Promise((resolve) => server.once("exit", resolve));
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed > 0 ? 1 : 0);

/** Opens a page in a browser that knows nothing, brings it into its state, and uses it. */
async function visit({ path, ready, act, then, token, language }, scheme, [width, height], url, use) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  try {
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: "reduce" }]);
    if (token) await page.evaluateOnNewDocument((value) => sessionStorage.setItem("lastseat.staff-token", value), token);
    await page.evaluateOnNewDocument((value) => localStorage.setItem("lastseat.language", value), language);
    const broken = [];
    page.on("pageerror", (error) => broken.push(error.message));
    await page.goto(url + path);
    await page.waitForSelector(ready, { timeout: 30_000 });
    if (act) {
      await act(page);
      await page.waitForSelector(then, { timeout: 30_000 });
    }
    return await use(page, broken);
  } finally {
    await context.close();
  }
}

/** Returns its texts. */
function look(state, scheme, size, url) {
  return visit(state, scheme, size, url, async (page, broken) => {
    // The page's policy lets no foreign script in; the browser's own console may.
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run());
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth + 1);
    report(state, `${scheme}, ${size[0]}`, [...broken, ...found.violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), ...(wide ? ["it scrolls sideways"] : [])]);
    return page.evaluate(textsOf);
  });
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
