// Looks at every page with axe-core, in light and dark, as a desktop and as a phone show it: no violation.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const [program, chromium] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "lastseat-pages-"));
const server = spawn(program, ["serve", "--listen", "127.0.0.1:0", "--data", join(folder, "data")], { stdio: ["ignore", "pipe", "ignore"] });
let browser;
let failed = 0;

try {
  const url = await address(server.stdout);
  const token = execFileSync(program, ["token", "--sub", "ann", "--role", "admin", "--data", join(folder, "data")], { encoding: "utf8" }).trim();
  const ask = async (method, path, body, headers = { authorization: `Bearer ${token}` }) => {
    const answer = await fetch(url + path, { method, headers: { ...headers, "content-type": "application/json" }, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const held = await ask("POST", "/v1/shows/demo/bookings", { seats: ["A-1", "A-2", "A-3"] });
  await ask("POST", `/v1/bookings/${held.id}/payment`, { payment_method: "pm_card_visa" });

  const guests = await ask("POST", "/v1/shows/demo/bookings", { seats: ["B-1", "B-2", "B-3"] }, {});
  const link = `/?booking=${guests.id}#token=${guests.token}`;
  await ask("POST", `/v1/bookings/${guests.id}/payment`, { payment_method: "pm_card_visa" }, { authorization: `Bearer ${guests.token}` });
  const waiting = await ask("POST", "/v1/shows/demo/bookings", { seats: ["C-1"] }, {});

  const wallet = (booking) => `/wallet#booking=${booking.id}&token=${booking.token}`;
  const over = await ask("POST", "/v1/shows/demo/bookings", { seats: ["C-2"] }, {});
  await ask("DELETE", `/v1/bookings/${over.id}`, undefined, { authorization: `Bearer ${over.token}` });

  browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox", "--lang=en-GB"] });
  const staff = (path, ready) => ({ path, ready, token });
  const pages = [
    { path: "/", ready: "#map [data-seat]" },
    { path: `/?booking=${waiting.id}#token=${waiting.token}`, ready: "[data-act=pay]" },
    { path: link, ready: ".scratch h3" },
    { path: "/?show=nothing", ready: "#choice:not([hidden])" },
    { path: "/account", ready: "form:not([hidden])" },
    { path: "/docs", ready: "main" },
    { path: "/office", ready: "form" },
    staff("/office#show=demo&tab=sales", ".figures"),
    staff("/office#show=demo&tab=bookings", ".data"),
    staff(`/office#show=demo&tab=bookings&booking=${held.id}`, "dialog .timeline"),
    staff("/office#show=demo&tab=shows", ".preview"),
    staff("/office#show=demo&tab=system", ".data"),
    staff("/entrance", ".verdict"),
    staff("/audit#show=demo", ".counts li"),
    { path: "/wallet", ready: ".empty:not([hidden])" },
    { path: wallet(guests), ready: ".wallet-card .scratch h3" },
    { path: wallet(guests), ready: "[data-act=show]", press: "[data-act=show]", then: ".stage[open] .qr" },
    { path: wallet(guests), ready: ".wallet-card summary", press: ".wallet-card summary", then: "[data-act=mail]" },
    { path: wallet(waiting), ready: "[data-act=cancel]" },
    { path: wallet(waiting), ready: "[data-act=cancel]", press: "[data-act=cancel]", then: "dialog[open] [value=yes]" },
    { path: wallet(over), ready: "[data-state=aborted]" },
    { path: `/wallet#booking=${waiting.id}&token=bt_wrong`, ready: ".page > .notice:not([hidden])" },
  ];
  for (const page of pages) {
    for (const scheme of ["light", "dark"]) {
      for (const [width, height] of [[1280, 900], [390, 844], [320, 640]]) await look(page, scheme, width, height, url);
    }
  }
  console.log(`axe: ${pages.length} pages, each in light and dark at three widths, ${failed} with violations`);
} finally {
  await browser?.close();
  server.kill("SIGTERM");
  await new Promise((resolve) => server.once("exit", resolve));
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed > 0 ? 1 : 0);

async function look({ path, ready, token, press, then }, scheme, width, height, url) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  try {
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: "reduce" }]);
    if (token) await page.evaluateOnNewDocument((value) => sessionStorage.setItem("lastseat.staff-token", value), token);
    const broken = [];
    page.on("pageerror", (error) => broken.push(error.message));
    await page.goto(url + path);
    await page.waitForSelector(ready, { timeout: 30_000 });
    if (press) {
      await page.click(press);
      await page.waitForSelector(then, { timeout: 30_000 });
    }
    // The page's policy lets no foreign script in; the browser's own console may.
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run());
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth + 1);
    const problems = [...broken, ...found.violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), ...(wide ? ["it scrolls sideways"] : [])];
    if (problems.length === 0) return;
    failed += 1;
    console.error(`${path}, ${scheme}, ${width}:`);
    for (const problem of problems) console.error(`  ${problem.slice(0, 300)}`);
  } finally {
    await context.close();
  }
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
