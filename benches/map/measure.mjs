// Measures the map of a large show beside a blank page, round by round, and prints a JSON object for each figure.

import { parseArgs } from "node:util";
import puppeteer from "puppeteer-core";
import { blankPage } from "./blank.mjs";
import { BoxOffice } from "./box-office.mjs";
import { intervals, move, percentile } from "./frames.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seats: { type: "string", default: "100000" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "10" },
    changes: { type: "string", default: "1000" },
  },
});
const [seats, rounds, seconds, changes] = [values.seats, values.rounds, values.seconds, values.changes].map(Number);
const program = positionals[0] ?? process.env.PROGRAM;

/** Pop-ups of the address bar: pages of the browser's own, which are drawn by the same cores. */
const UNUSED = "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup";

const median = (numbers) => percentile(numbers, 0.5);
const round = (value) => Math.round(value * 100) / 100;

/** Figures by name: what the rounds gave, ours and the blank page's. */
const figures = new Map();
function add(figure, unit, ours, limit) {
  if (!figures.has(figure)) figures.set(figure, { figure, unit, ours: [], limit: [] });
  figures.get(figure).ours.push(ours);
  if (limit !== undefined) figures.get(figure).limit.push(limit);
  console.error(`${figure}: ${round(ours)}${limit === undefined ? "" : ` to ${round(limit)}`} ${unit}`);
}

function print({ figure, unit, ours, limit }) {
  const line = { figure, seats, unit, median: round(median(ours)), rounds: ours.map(round) };
  if (limit.length > 0) {
    const ratio = round(median(ours.map((value, index) => value / limit[index])));
    Object.assign(line, { limit: "a blank canvas", limit_median: round(median(limit)), limit_rounds: limit.map(round), ratio });
  }
  console.log(JSON.stringify(line));
}

const boxOffice = new BoxOffice();
const blank = await blankPage();
let browser;
try {
  await boxOffice.open(program, seats);
  const url = `${boxOffice.url}/?show=${boxOffice.show}`;
  browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--lang=en-GB", UNUSED] });
  // The first page of a browser, and the first answers of a server, are slower than all others.
  for (const address of [url, blank.url]) await visit(address, async () => {});
  await visit(url, weigh);
  for (let number = 0; number < rounds; number += 1) {
    const [ours, limit] = [await visit(url, painted), await visit(blank.url, painted)];
    add("first paint", "ms", ours.paint, limit.paint);
    add("first paint, CPU of the main thread", "ms", ours.cpu, limit.cpu);
    for (const [name, value] of Object.entries(ours.parts)) add(name, "ms", value);
  }
  for (let number = 0; number < rounds; number += 1) {
    const end = boxOffice.begin(changes);
    const ours = await visit(url, (page) => move(page, seconds));
    add("changes while it is moved", "1/s", end());
    const limit = await visit(blank.url, (page) => move(page, seconds));
    for (const [name, share] of [["p50", 0.5], ["p95", 0.95], ["p99", 0.99]]) {
      add(`main thread in a frame, ${name}`, "ms", percentile(ours.work, share), percentile(limit.work, share));
      add(`from frame to frame, ${name}`, "ms", percentile(intervals(ours.begins), share), percentile(intervals(limit.begins), share));
    }
    add("a frame, CPU of the main thread", "ms", ours.cpu / ours.begins.length, limit.cpu / limit.begins.length);
    add("input until it is handled, p95", "ms", percentile(ours.delays, 0.95), percentile(limit.delays, 0.95));
    add("turns of the wheel and drags that were lost", "", ours.lost);
  }
} finally {
  await browser?.close();
  blank.close();
  await boxOffice.close();
}
for (const figure of figures.values()) print(figure);

/** A page in a window of its own, with nothing in its cache. */
async function visit(address, act) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(error));
  try {
    await page.setViewport({ width: 1280, height: 900 });
    const devtools = await page.createCDPSession();
    // Its own time, not that of others on the same core.
    await devtools.send("Performance.setTimeDomain", { timeDomain: "threadTicks" });
    await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
    const cpuOf = async () => {
      const { metrics } = await devtools.send("Performance.getMetrics");
      return metrics.find(({ name }) => name === "TaskDuration").value * 1_000;
    };
    await page.goto(address);
    // The page sets it after the frame in which the map was drawn.
    await page.waitForFunction(() => performance.getEntriesByName("seat-map").length > 0, { timeout: 120_000 });
    const cpu = await cpuOf();
    const result = await act(page);
    // Of what was done, or until then, where nothing was.
    return { cpu: result?.begins ? (await cpuOf()) - cpu : cpu, ...result };
  } finally {
    await context.close();
  }
}

/** Milliseconds from the beginning of the visit until the map was painted, and until what it waits for was there. */
async function painted(page) {
  return page.evaluate(() => {
    const paint = performance.getEntriesByName("seat-map")[0].startTime;
    const ended = (part) => performance.getEntriesByType("resource").find(({ name }) => name.includes(part))?.responseEnd;
    const parts = { "  the seats were there": ended("/seats"), "  the plan was there": ended("/v1/plans/"), "  the last module was there": ended("/large-map/large-map.js") };
    return { paint, parts: Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) };
  });
}

/** What the scripts of a page weigh, as the server sends them to this browser. */
async function weigh(page) {
  // What waits for the map is loaded by then.
  await page.waitForNetworkIdle({ concurrency: 1 });
  const scripts = await page.evaluate(() => {
    const paint = performance.getEntriesByName("seat-map")[0].startTime;
    const entries = performance.getEntriesByType("resource").filter(({ name }) => name.endsWith(".js"));
    return entries.map(({ name, startTime, encodedBodySize, decodedBodySize }) => ({ name, early: startTime < paint, encodedBodySize, decodedBodySize }));
  });
  const files = [...new Map(scripts.map((script) => [script.name, script])).values()];
  const sum = (size, of = files) => of.reduce((bytes, file) => bytes + file[size], 0) / 1_000;
  add("scripts of the shop until the map is painted, as they are sent", "kB", sum("encodedBodySize", files.filter(({ early }) => early)));
  add("scripts of the shop, as they are sent", "kB", sum("encodedBodySize"));
  add("scripts of the shop, unpacked", "kB", sum("decodedBodySize"));
  add("scripts of the shop, files", "", files.length);
}
