// Takes the messages of `lastseat serve`, and checks each with the reference library for Node.
//
//   node check.mjs PROGRAM

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const messages = [];
let arrived = () => {};

const endpoint = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    messages.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
    response.writeHead(204).end();
    arrived();
  });
});

const next = async () => {
  while (messages.length === 0) await new Promise((resolve) => (arrived = resolve));
  return messages.shift();
};

const serve = (folder, url) =>
  new Promise((resolve, reject) => {
    const env = {
      ...process.env,
      LASTSEAT_WEBHOOK_ENDPOINTS: `shop=${url}`,
      LASTSEAT_WEBHOOK_ENDPOINT_SECRETS: `shop=${SECRET}`,
      LASTSEAT_LOG_LEVEL: "warn",
    };
    const server = spawn(process.argv[2], ["serve", "--listen", "127.0.0.1:0", "--data", folder], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    server.on("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    createInterface({ input: server.stdout }).on("line", (line) => {
      if (line.includes("Seat map")) resolve([server, line.trim().split(/\s+/).at(-1).replace(/\/$/, "")]);
    });
  });

const send = async (url, body, token) => {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return answer.json();
};

await new Promise((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
const folder = mkdtempSync(join(tmpdir(), "lastseat-"));
const [server, url] = await serve(folder, `http://127.0.0.1:${endpoint.address().port}/hooks`);
const ended = new Promise((resolve) => server.removeAllListeners("exit").on("exit", resolve));
try {
  const held = await send(`${url}/v1/shows/demo/bookings`, { seats: ["A-1"], reference: "order-1 „ä“" });
  await send(`${url}/v1/bookings/${held.id}/payment`, { payment_method: "pm_card_visa" }, held.token);
  const kinds = [];
  let last;
  while (!kinds.includes("booking.confirmed")) {
    last = await next();
    kinds.push(new Webhook(SECRET).verify(last.body, last.headers).type);
  }
  const { data } = JSON.parse(last.body);
  if (data.booking !== held.id || data.reference !== "order-1 „ä“") throw new Error(last.body);
  try {
    new Webhook(SECRET).verify(last.body.replace("confirmed", "cancelled"), last.headers);
    throw new Error("a changed message passes");
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
  }
  console.log(`webhooks, Node: ${kinds.join(", ")}`);
} finally {
  server.kill("SIGTERM");
  await ended;
  endpoint.close();
  rmSync(folder, { recursive: true, force: true });
}
