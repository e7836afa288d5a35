// One device at the entrance. It asks the server, and decides by itself where the server does not answer in time. Each scan is
// stored before anybody is let in, and sent later under the same id if it is not known to have arrived: so none is lost, and none counts
// twice.

import { newKey, Problem, send, Unreachable } from "../api.js";
import { read, verifier } from "./code.js";
import { batches, decide, ticketOf } from "./decide.js";

/** How long somebody at the gate waits for the server. */
const PATIENCE_MS = 2_500;
const LIST_PAGE = 100;

/** @typedef {{ admits: boolean, offline: boolean, reason?: string, text?: string, seat?: string, at?: string, gate?: string, entries?: number }} Outcome */

export class Door extends EventTarget {
  /** `online`, `offline` or `signed_out`: as the last request went. */
  network = "online";
  /** When the list was loaded, if it is there. */
  listedAt;
  /** The number at which it was asked for. */
  #loaded = 0;

  #store;
  #session;
  #show;
  #device;
  #verify;

  /** @param {import("./store.js").Store} store */
  constructor(store, session, show) {
    super();
    this.#store = store;
    this.#session = session;
    this.#show = show;
  }

  get show() {
    return this.#show;
  }

  async open() {
    this.#device = await this.#store.get("device");
    if (!this.#device) {
      this.#device = `device-${newKey().slice(0, 8)}`;
      await this.#store.put("device", this.#device);
    }
    const key = await this.#store.get("key");
    if (key) this.#verify = await verifier(key);
    const listed = await this.#store.get(`listed/${this.#show}`);
    if (listed) [this.listedAt, this.#loaded] = [listed.at, listed.number];
  }

  /** Whether this device can decide by itself. */
  get canWorkAlone() {
    return Boolean(this.#verify && this.listedAt);
  }

  /** Loads the show's list and the key. */
  async load() {
    const number = await this.#store.next();
    const key = await this.#get("/v1/tickets/key");
    const tickets = [];
    for (let [after, more] = ["", true]; more; ) {
      const page = await this.#get(`/v1/shows/${encodeURIComponent(this.#show)}/tickets?limit=${LIST_PAGE}${after}`);
      for (const { booking, tickets: of } of page.data) {
        for (const { seat, issue, transfers, exchange, admitted_at, gate } of of) {
          tickets.push([ticketOf({ booking, seat }), { issue, transfers, exchange, admitted_at, gate }]);
        }
      }
      more = page.has_more && page.data.length > 0;
      after = `&starting_after=${page.data.at(-1)?.booking}`;
    }
    const at = new Date().toISOString();
    await this.#store.replaceList(this.#show, tickets);
    await this.#store.put("key", key);
    await this.#store.put(`listed/${this.#show}`, { at, number });
    this.#verify = await verifier(key);
    [this.listedAt, this.#loaded] = [at, number];
    return tickets.length;
  }

  /**
   * Scans a code.
   * @param {"entry" | "exit"} kind
   * @returns {Promise<Outcome>}
   */
  async scan(text, kind, gate) {
    // One after the other, in all windows of this device: each sees what the one before has stored.
    return navigator.locks.request("lastseat-entrance-scan", () => this.#scan(text, kind, gate));
  }

  async #scan(text, kind, gate) {
    const code = read(text);
    if (!code) return { admits: false, offline: false, reason: "not_a_ticket" };
    const ticket = ticketOf(code.facts);
    const before = await this.#store.scansOf(ticket);
    // Asked before, and whether the server has let them in is not known: the same scan once more, or it would be its own rival.
    const unknown = before.find((scan) => ["asked", "unknown"].includes(scan.state) && scan.kind === kind && scan.gate === gate);
    /** @type {import("./store.js").Scan} */
    const scan = {
      scan: unknown?.scan ?? newKey(),
      number: await this.#store.next(),
      show: this.#show,
      ticket,
      text: text.replaceAll(/\s/g, "").toUpperCase(),
      seat: code.facts.seat,
      kind,
      gate,
      at: new Date().toISOString(),
      state: "asked",
    };
    await this.#store.save(scan);
    const asked = await this.#ask(scan);
    if (asked) return asked;
    return this.#alone(code, scan, before);
  }

  /**
   * What the server says, or undefined if it does not answer in time.
   * @param {import("./store.js").Scan} scan
   * @returns {Promise<Outcome | undefined>}
   */
  async #ask(scan) {
    const body = { ticket: scan.text, gate: scan.gate, show: this.#show, device: this.#device, scan: scan.scan, type: scan.kind };
    try {
      const { body: admitted } = await this.#post("/v1/checkins", body, PATIENCE_MS);
      await this.#store.save({ ...scan, state: "sent", known: scan.number });
      return { admits: true, offline: false, seat: admitted.seat, at: admitted.at, gate: admitted.gate, entries: admitted.entries };
    } catch (error) {
      if (!(error instanceof Problem) || error.status >= 500 || [401, 403, 408, 429].includes(error.status)) return undefined;
      await this.#store.save({ ...scan, state: "refused" });
      const { reason, at, gate } = error.facts;
      return { admits: false, offline: false, reason: reason ?? error.code, text: error.message, seat: scan.seat, at, gate };
    }
  }

  async #alone(code, scan, before) {
    const refuse = async (reason, facts = {}) => {
      // Never shown as green, so never sent; but the server may have it.
      await this.#store.save({ ...scan, state: "unknown" });
      return { admits: false, offline: true, reason, seat: scan.seat, ...facts };
    };
    if (!this.canWorkAlone) return refuse("cannot_check");
    if (!(await this.#verify(code))) return refuse("ticket_forged");
    const scans = before.filter(({ state }) => ["unsent", "sent", "conflict", "rejected"].includes(state));
    const listed = await this.#store.ticket(this.#show, scan.ticket);
    const verdict = decide({ facts: code.facts, show: this.#show, kind: scan.kind, listed, loaded: this.#loaded, scans });
    if (!verdict.admits) return refuse(verdict.reason, { at: verdict.at, gate: verdict.gate });
    await this.#store.save({ ...scan, state: "unsent" });
    return { admits: true, offline: true, seat: scan.seat };
  }

  /** Sends what is not known to have arrived. Returns how many are left. */
  async sync() {
    // Of two windows one sends.
    return navigator.locks.request("lastseat-entrance-sync", async () => {
      const unsent = await this.#store.inState("unsent");
      let failed;
      for (const show of new Set(unsent.map((scan) => scan.show))) {
        for (const scans of batches(unsent.filter((scan) => scan.show === show))) {
          try {
            await this.#sendBatch(show, scans, unsent);
          } catch (error) {
            // The others may be fine.
            failed = error;
          }
        }
      }
      if (failed) throw failed;
      return (await this.#store.inState("unsent")).length;
    });
  }

  async #sendBatch(show, scans, unsent) {
    const { body } = await this.#post("/v1/checkins:batch", { device: this.#device, show, scans }, 20_000);
    const known = await this.#store.next();
    for (const { index, result, conflicts = [], problem } of body.results) {
      const scan = unsent.find(({ scan }) => scan === scans[index].scan);
      if (result === "retry" || !scan) continue;
      const state = result === "rejected" ? "rejected" : conflicts.length > 0 ? "conflict" : "sent";
      await this.#store.save({ ...scan, state, known, conflicts, problem });
    }
  }

  /** Scans that were made offline, which the server found something wrong with. */
  async conflicts() {
    return [...(await this.#store.inState("rejected")), ...(await this.#store.inState("conflict"))];
  }

  async unsent() {
    return (await this.#store.inState("unsent")).length;
  }

  #get(path) {
    return this.#request("GET", path, {}).then((answer) => answer.body);
  }

  #post(path, body, patience) {
    return this.#request("POST", path, { body, patience: 0, within: patience });
  }

  async #request(method, path, options) {
    try {
      const { headers, token } = this.#session();
      const answer = await send(method, path, { ...options, headers, token });
      this.#heard("online");
      return answer;
    } catch (error) {
      if (error instanceof Unreachable || error.status >= 500) this.#heard("offline");
      else if ([401, 403].includes(error.status)) this.#heard("signed_out");
      else this.#heard("online");
      throw error;
    }
  }

  /** Another request of this page has been answered. */
  reached() {
    this.#heard("online");
  }

  #heard(network) {
    if (this.network === network) return;
    this.network = network;
    this.dispatchEvent(new Event("network"));
  }
}
