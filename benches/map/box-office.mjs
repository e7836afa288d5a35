// A server with a large show, and a crowd that takes seats in it and gives them back.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { stadium } from "./stadium.mjs";

/** Seats of one hold: each is a change, and each again when it is given back. */
const SEATS = 10;
const TURN_MS = 50;

export class BoxOffice {
  url;
  #process;
  #folder = mkdtempSync(join(tmpdir(), "lastseat-map-"));
  #token;
  #rows = [];

  async open(program, seats) {
    const data = join(this.#folder, "data");
    this.#process = spawn(program, ["serve", "--listen", "127.0.0.1:0", "--data", data], { stdio: ["ignore", "pipe", "ignore"] });
    this.url = await address(this.#process.stdout);
    this.#token = execFileSync(program, ["token", "--sub", "ann", "--role", "admin", "--data", data], { encoding: "utf8" }).trim();
    await this.draw(seats);
  }

  /** Puts a show with so many seats on sale, and returns its page. */
  async draw(seats) {
    const { plan, categories } = stadium(`stadium-${seats}`, seats);
    this.#rows = plan.areas.flatMap(({ rows }) => rows.map((row) => row.seats.map(({ seat }) => seat)));
    await this.#ask("POST", "/v1/plans", plan);
    const show = { id: plan.plan, title: "Stadium", currency: "EUR", plan: plan.plan, categories, hold_seconds: 3_600, max_seats_per_booking: SEATS };
    await this.#ask("POST", "/v1/shows", show);
    this.show = plan.plan;
    return `${this.url}/?show=${this.show}`;
  }

  /** Changes about so many seats a second until the returned function is called, which says how many there were a second. */
  begin(changes) {
    const [start, open] = [performance.now(), []];
    let [done, turns, busy] = [0, 0, false];
    const timer = setInterval(async () => {
      // Without a heap of requests after a pause of this process.
      if (busy) return;
      busy = true;
      const wanted = ((performance.now() - start) / 1_000) * changes;
      const holds = Math.max(0, Math.min(20, Math.round((wanted - done) / SEATS / 2)));
      const ended = await Promise.allSettled(Array.from({ length: holds }, () => this.#hold().then((id) => open.push(id))));
      // As many as are held are given back, once there are some.
      const back = open.length > 50 ? open.splice(0, holds) : [];
      const given = await Promise.allSettled(back.map((id) => this.#ask("DELETE", `/v1/bookings/${id}`)));
      done += SEATS * [...ended, ...given].filter(({ status }) => status === "fulfilled").length;
      turns += 1;
      busy = false;
    }, TURN_MS);
    return () => {
      clearInterval(timer);
      return done / ((performance.now() - start) / 1_000);
    };
  }

  async #hold() {
    const row = this.#rows[Math.floor(Math.random() * this.#rows.length)];
    const first = Math.floor(Math.random() * (row.length - SEATS));
    return (await this.#ask("POST", `/v1/shows/${this.show}/bookings`, { seats: row.slice(first, first + SEATS) })).id;
  }

  async #ask(method, path, body) {
    const headers = { authorization: `Bearer ${this.#token}`, "content-type": "application/json" };
    const answer = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  async close() {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGTERM");
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function address(output) {
  for await (const line of createInterface({ input: output })) {
    const found = line.match(/Seat map\s+(http:\S+)/);
    if (!found) continue;
    output.resume();
    return found[1].replace(/\/$/, "");
  }
  throw new Error("the server has ended");
}
