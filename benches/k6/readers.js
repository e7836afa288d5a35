// Readers of the seat stream while others hold. Needs k6 with the extension xk6-sse (xk6 build --with github.com/phymbert/xk6-sse).

import sse from "k6/x/sse";
import { Counter } from "k6/metrics";
import { BASE, caseOf, hold, makeShow } from "./lib.js";

const NAME = "readers";
const { readers, users, rows } = caseOf(NAME);
const seen = new Counter("seen");

export const options = {
  scenarios: {
    readers: { executor: "per-vu-iterations", exec: "read", vus: readers, iterations: 1, maxDuration: "1m" },
    buyers: { executor: "per-vu-iterations", exec: "buy", vus: users, iterations: 1, startTime: "10s", maxDuration: "50s" },
  },
  thresholds: { won: [`count==${users}`], broken: ["count==0"], seen: [`count==${users * readers}`] },
};
export const setup = () => makeShow(NAME);

/** @param {string} show */
export function read(show) {
  let changes = 0;
  sse.open(`${BASE}/v1/shows/${show}/seats/stream`, {}, (/** @type {any} */ client) => {
    client.on("event", (/** @type {any} */ event) => {
      if (event.name !== "seat_locked") return;
      seen.add(1);
      changes += 1;
      if (changes === users) client.close();
    });
  });
}

/** @param {string} show */
export function buy(show) {
  const place = __VU % (rows * 20);
  hold(show, { seats: [`${String.fromCharCode(65 + Math.floor(place / 20))}-${(place % 20) + 1}`] });
}
