// The installed package in a real browser, at another origin than the server's, as a plain module without a bundler.
//
//   node browser.mjs FOLDER-OF-THE-PACKAGE

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { openWindow } from "./window.mjs";
import { serve } from "./built/server.js";

const folder = process.argv[2];
const pages = createServer(async (request, response) => {
  if (request.url === "/") return response.writeHead(200, { "content-type": "text/html" }).end("<title>shop</title>");
  response.writeHead(200, { "content-type": "text/javascript" }).end(await readFile(join(folder, "dist/index.js")));
});
await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
const origin = `http://127.0.0.1:${pages.address().port}`;
const server = await serve("--cors-origin", origin);
const window = await openWindow();
try {
  await window.goto(origin);
  const found = await window.eval(
    `const { Lastseat, isRejection } = await import("/lastseat.js");
     const lastseat = new Lastseat(arguments[0]);
     const { position } = await lastseat.get("/v1/shows/{show}/seats", { path: { show: "demo" } });
     const booking = await lastseat.hold("demo", { seats: ["A-1"] });
     const refused = await lastseat.hold("demo", { seats: ["A-1"] }).catch((error) => isRejection(error, "seat_unavailable") && error.problem.seat);
     const { status } = await lastseat.pay(booking, { payment_method: "pm_card_visa" });
     const types = [];
     for await (const { type } of lastseat.seatChanges("demo", { from: position })) {
       if (type !== "area_availability") types.push(type);
       if (type === "seat_booked") break;
     }
     return { refused, status, types };`,
    server.url,
  );
  assert.deepEqual(found, { refused: "A-1", status: "confirmed", types: ["seat_locked", "seat_processing", "seat_booked"] });
  console.log("sdk, TypeScript in a browser: held, refused, paid and watched at another origin");
} finally {
  await window.close();
  await server.end();
  pages.close();
}
