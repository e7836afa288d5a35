// Buys in the example shop, in a real browser, from another origin than the server's: from the list of shows to the tickets.
//
//   node shop.mjs PROGRAM FOLDER-OF-THE-SHOP

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { openWindow } from "./browser.mjs";

const [program, shopFolder] = process.argv.slice(2);
const data = mkdtempSync(join(tmpdir(), "lastseat-"));
const children = [];

/** Starts a program and waits for the address that it says after `mark`. */
function start(command, args, mark, env = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  children.push(() => (child.kill("SIGTERM"), ended));
  return new Promise((resolve, reject) => {
    child.on("exit", (code) => reject(new Error(`${command} ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const url = line.split(mark)[1]?.trim().replace(/\/$/, "");
      if (url) resolve(url);
    });
  });
}

/** A port that is free now: each of the two must know the other's address before it starts. */
const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

const MAP = "document.querySelector('lastseat-map')";
const seat = (label) => `${MAP}?.shadowRoot.querySelector("[data-seat='${label}']")`;

async function buy(window, server, shop) {
  await window.goto(shop);
  await window.click(".shows a[href='/?show=demo']");
  await window.until(`return ${MAP}?.dataset.status === "live" && ${seat("A-1")} !== null`);

  // By keyboard: to the map, along the row, and choose.
  await window.eval(`${seat("A-1")}.focus()`);
  await window.press("\uE014", "\uE007");
  await window.untilText(".order", "Row A seat 2");
  assert.equal(await window.eval(`return ${seat("A-2")}.getAttribute("aria-selected")`), "true");
  assert.match(await window.eval(`return ${MAP}.shadowRoot.querySelector("[aria-live]").textContent`), /Row A seat 2 chosen/);

  // Somebody else is faster for the other one.
  await window.eval(`${MAP}.choose("A-3")`);
  await window.untilText(".order", "Row A seat 3");
  const rival = await fetch(`${server}/v1/shows/demo/bookings`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ seats: ["A-3"] }),
  });
  assert.equal(rival.status, 201);
  await window.untilText("#status", "A-3 was just taken");
  await window.until("return !document.querySelector('.order').innerText.includes('seat 3')");
  assert.equal(await window.eval(`return ${seat("A-3")}.dataset.state`), "locked");

  // A map that is taken out of the page is put back as a whole one.
  const again = `const map = ${MAP}; const place = map.nextSibling; map.remove(); place.before(map); map.choose("A-2")`;
  await window.eval(again);
  await window.until(`return ${MAP}.dataset.status === "live" && ${seat("A-3")}?.dataset.state === "locked"`);
  await window.eval(`${MAP}.choose("A-2")`);
  await window.untilText(".order", "Row A seat 2");

  await window.click("#hold");
  await window.click("[data-card='pm_card_chargeDeclined']");
  await window.untilText(".problem", "declined");
  await window.click("[data-card='pm_card_authenticationRequired']");

  // The bank's page is the server's, and leads back.
  await window.until(`return location.origin === ${JSON.stringify(server)} && document.querySelector("#yes") !== null`);
  await window.click("#yes");
  await window.until(`return location.origin === ${JSON.stringify(shop)}`);
  await window.untilText(".tickets", "Seat A-2");
  const width = await window.until("const image = document.querySelector('.ticket img'); return image.complete && image.naturalWidth");
  assert.ok(width > 100, `the code is ${width} wide`);
  const complaints = (await window.log()).filter(({ level, message }) => level === "SEVERE" && !/ 40[29] /.test(message));
  assert.deepEqual(complaints, []);
}

/** A page whose origin is not listed loads the element, which says that it can't read the show. */
async function refuse(window, server, other) {
  await window.goto(`${other}/?show=demo`);
  await window.untilText("#status", "can't be reached");
  const loaded = `return import(${JSON.stringify(`${server}/embed.js`)}).then(() => customElements.get("lastseat-map") !== undefined)`;
  assert.equal(await window.eval(loaded), true);
}

let window;
try {
  const [port, shopPort] = [await freePort(), await freePort()];
  const [server, shop] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${shopPort}`];
  const args = ["serve", "--listen", `127.0.0.1:${port}`, "--public-url", server, "--cors-origin", shop, "--data", data];
  await start(program, args, "Seat map", { LASTSEAT_LOG_LEVEL: "warn" });
  await start(process.execPath, [join(shopFolder, "serve.mjs"), String(shopPort)], "Shop", { LASTSEAT: server });
  const other = await start(process.execPath, [join(shopFolder, "serve.mjs"), "0"], "Shop", { LASTSEAT: server });
  window = await openWindow();
  await buy(window, server, shop);
  await refuse(window, server, other);
  console.log("clients, example shop: bought A-2 at another origin, by the bank's page and back; an origin that is not listed reads nothing");
} catch (error) {
  const picture = process.env.LASTSEAT_SCREENSHOT;
  if (window && picture) writeFileSync(picture, await window.screenshot());
  throw error;
} finally {
  await window?.close();
  await Promise.all(children.map((end) => end()));
  rmSync(data, { recursive: true, force: true });
}
