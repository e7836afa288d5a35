// A server of its own for each file of tests, and a proxy in front of it that loses, cuts and refuses.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface Running {
  url: string;
  end: () => Promise<void>;
}

export function serve(...more: string[]): Promise<Running> {
  const program = process.env.LASTSEAT_PROGRAM ?? "lastseat";
  const folder = mkdtempSync(join(tmpdir(), "lastseat-"));
  const server = spawn(program, ["serve", "--listen", "127.0.0.1:0", "--data", folder, ...more], {
    env: { ...process.env, LASTSEAT_LOG_LEVEL: "warn" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  const end = async () => {
    server.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    createInterface({ input: server.stdout }).on("line", (line) => {
      const url = /Seat map\s+(\S+?)\/?$/.exec(line.trim())?.[1];
      if (url !== undefined) resolve({ url, end });
    });
  });
}

/** What happens to one request. */
export type Trouble =
  /** The server carries it out, and the answer is lost. */
  | { lose: true }
  /** It never reaches the server: the connection ends. */
  | { drop: true }
  /** The answer ends after so many bytes of its body. */
  | { cutAfter: number }
  /** The connection stays, and nothing more comes after so many bytes of the body. */
  | { stallAfter: number }
  /** The proxy answers. A code makes it an answer as the server's. */
  | { status: number; code?: string; retryAfter?: number };

export interface Seen {
  method: string;
  path: string;
  key: string | undefined;
  at: number;
}

/** Requests get the troubles in their order; the rest passes. */
export class Proxy {
  readonly seen: Seen[] = [];
  url = "";
  #troubles: Trouble[] = [];
  readonly #server = createServer((request, response) => void this.#handle(request, response));
  readonly #open = new Set<ServerResponse>();

  constructor(private readonly upstream: string) {}

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  /** From now on. */
  trouble(...troubles: Trouble[]): void {
    this.#troubles = troubles;
    this.seen.length = 0;
  }

  cutAll(): void {
    for (const response of this.#open) response.destroy();
  }

  end(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    this.seen.push({ method, path: url, key: headers["idempotency-key"] as string | undefined, at: Date.now() });
    const trouble = this.#troubles.shift();
    const body: Buffer[] = [];
    for await (const chunk of request) body.push(chunk as Buffer);
    response.setHeader("connection", "close");
    if (trouble && "drop" in trouble) return void response.destroy();
    if (trouble && "status" in trouble) return refuse(response, trouble);
    const sent = forward(`${this.upstream}${url}`, { method, headers: { ...headers, connection: "close" } }, (answer) => {
      this.#open.add(response);
      response.on("close", () => (this.#open.delete(response), answer.destroy()));
      if (trouble && "lose" in trouble) return void answer.resume().on("end", () => response.destroy());
      response.writeHead(answer.statusCode ?? 502, { ...answer.headers, connection: "close" });
      const cuts = trouble && "cutAfter" in trouble;
      let left = trouble && "cutAfter" in trouble ? trouble.cutAfter : trouble && "stallAfter" in trouble ? trouble.stallAfter : Infinity;
      answer.on("data", (chunk: Buffer) => {
        response.write(chunk.subarray(0, Math.max(left, 0)), () => left <= 0 && cuts && response.destroy());
        left -= chunk.length;
      });
      answer.on("end", () => left > 0 && response.end());
      answer.on("error", () => response.destroy());
    });
    sent.on("error", () => response.destroy());
    sent.end(Buffer.concat(body));
  }
}

function refuse(response: ServerResponse, { status, code, retryAfter }: { status: number; code?: string; retryAfter?: number }): void {
  if (retryAfter !== undefined) response.setHeader("retry-after", retryAfter);
  if (code === undefined) return void response.writeHead(status, { "content-type": "text/html" }).end("<h1>No</h1>");
  const problem = { type: `/problems/${code}`, title: code, status, code, detail: "Later.", retry_after: retryAfter };
  response.writeHead(status, { "content-type": "application/problem+json" }).end(JSON.stringify(problem));
}
