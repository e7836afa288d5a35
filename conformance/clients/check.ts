// Sells two seats over the client that openapi-typescript and openapi-fetch make of the API's description.
//
//   node check.js PROGRAM

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./lastseat.js";

type Booking = components["schemas"]["Booking"];
type Problem = components["schemas"]["Problem"];

/** What a shop says of a refusal: the code decides which facts it has. */
function explained(problem: Problem): string {
  switch (problem.code) {
    case "seat_unavailable":
      return `${problem.seat ?? "a seat"} is ${problem.state ?? "gone"}`;
    case "payment_declined":
      return `declined: ${problem.decline_code}`;
    case "buyer_limit":
      return `at most ${problem.most.toFixed()}`;
    default:
      return problem.detail;
  }
}

function done<T, E extends Problem>(answer: { data?: T; error?: E }): T {
  if (answer.error !== undefined) throw new Error(explained(answer.error));
  assert(answer.data !== undefined);
  return answer.data;
}

async function sale(api: Client<paths>): Promise<string[]> {
  const steps: string[] = [];
  const shows = done(await api.GET("/v1/shows", { params: { query: { status: "on_sale" } } }));
  const show = shows.data.find((each) => each.id === "demo");
  assert(show !== undefined && show.categories[0] !== undefined);
  const seats = done(await api.GET("/v1/shows/{show}/seats", { params: { path: { show: show.id } } }));
  assert("seats" in seats);
  const free = seats.seats.filter((seat) => seat.state === "available").slice(0, 2);
  const body = { seats: free.map((seat) => seat.seat), reference: "order-1" };

  const header = { "Idempotency-Key": randomUUID() };
  const path = { show: show.id };
  const held: Booking = done(await api.POST("/v1/shows/{show}/bookings", { params: { path, header }, body }));
  assert.equal(held.status, "held");
  assert(held.token !== undefined && held.expires_at !== undefined && held.amount !== undefined);
  steps.push(`held ${held.seats.map((seat) => seat.seat).join(" ")}`);

  const late = await api.POST("/v1/shows/{show}/bookings", { params: { path }, body });
  assert(late.error !== undefined);
  // Only the codes that a hold can be refused with: what it can't be is an error of the compiler.
  const code: "seat_unavailable" | Exclude<typeof late.error.code, "ticket_not_found"> = late.error.code;
  assert.equal(code, "seat_unavailable");
  steps.push(explained(late.error));

  const own = { path: { id: held.id } };
  const headers = { authorization: `Bearer ${held.token}` };
  const url = "/v1/bookings/{id}/payment";
  const declined = await api.POST(url, { params: own, headers, body: { payment_method: "pm_card_visa_chargeDeclined" } });
  assert(declined.error !== undefined);
  steps.push(explained(declined.error));

  const asked = done(await api.POST(url, { params: own, headers, body: { payment_method: "pm_card_authenticationRequired" } }));
  const action = asked.next_action;
  assert(action?.type === "redirect_to_url");
  const intent = action.url.split("/").at(-1) ?? "";
  const bank = { params: { path: { intent } }, body: { outcome: "succeeded" as const } };
  done(await api.POST("/v1/sandbox/intents/{intent}/authenticate", bank));
  const paid = done(await api.POST(url, { params: own, headers, body: {} }));
  assert.equal(paid.status, "confirmed");
  steps.push("confirmed at the bank");

  const tickets = done(await api.GET("/v1/bookings/{id}/tickets", { params: own, headers }));
  assert(typeof tickets !== "string");
  assert.deepEqual(tickets.tickets.map((ticket) => ticket.seat), held.seats.map((seat) => seat.seat));
  const ticket = { id: held.id, seat: tickets.tickets[0]?.seat ?? "" };
  const picture = await api.GET("/v1/bookings/{id}/tickets/{seat}", {
    params: { path: ticket, query: { format: "svg" } },
    headers,
    parseAs: "text",
  });
  assert.match(String(picture.data), /<svg/);
  steps.push(`${tickets.tickets.length} tickets`);
  return steps;
}

function serve(program: string, folder: string): Promise<[ChildProcess, string]> {
  const server = spawn(program, ["serve", "--listen", "127.0.0.1:0", "--data", folder], {
    env: { ...process.env, LASTSEAT_LOG_LEVEL: "warn" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    createInterface({ input: server.stdout }).on("line", (line) => {
      const url = /Seat map\s+(\S+?)\/?$/.exec(line.trim())?.[1];
      if (url !== undefined) resolve([server, url]);
    });
  });
}

const folder = mkdtempSync(join(tmpdir(), "lastseat-"));
const [server, baseUrl] = await serve(process.argv[2] ?? "lastseat", folder);
const ended = new Promise((resolve) => server.removeAllListeners("exit").on("exit", resolve));
try {
  console.log(`clients, TypeScript: ${(await sale(createClient<paths>({ baseUrl }))).join(", ")}`);
} finally {
  server.kill("SIGTERM");
  await ended;
  rmSync(folder, { recursive: true, force: true });
}
