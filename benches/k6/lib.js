// What the scripts share: the case's numbers, its show, one buyer's hold, and the thresholds.
//
// BASE_URL is the server (http://127.0.0.1:8080), ADMIN a token of a manager or an admin, which makes the show.

import http from "k6/http";
import { check, fail } from "k6";
import { Counter } from "k6/metrics";

export const BASE = __ENV.BASE_URL || "http://127.0.0.1:8080";
const cases = JSON.parse(open("./cases.json"));

export const won = new Counter("won");
export const lost = new Counter("lost");
export const broken = new Counter("broken");

/**
 * The numbers of a case, the same as those of `just load-cases`.
 * @param {string} name
 */
export const caseOf = (name) => cases[name];

/** @param {any} body */
const json = (body) => JSON.stringify(body);

/**
 * Makes a show of its own for this run, and returns its id.
 * @param {string} name
 */
export function makeShow(name) {
  const { area, rows = 1 } = caseOf(name);
  const id = `k6-${name}-${Date.now()}`;
  const labelled = Array.from({ length: rows }, (_, row) => ({ row: String.fromCharCode(65 + row), seats: 20 }));
  const body = {
    id,
    title: name,
    currency: "EUR",
    max_seats_per_booking: 10,
    categories: [{ category: "all", price: 1000 }],
    areas: [area ? { area: "floor", category: "all", capacity: area } : { area: "seats", category: "all", rows: labelled }],
  };
  const answer = http.post(`${BASE}/v1/shows`, json(body), { headers: { "content-type": "application/json", authorization: `Bearer ${__ENV.ADMIN}` } });
  if (answer.status !== 201) fail(`the show can't be made: ${answer.status} ${answer.body}`);
  return id;
}

/**
 * One buyer asks once. A refusal by the rules (409, 410) is an answer; anything else is broken.
 * @param {string} show
 * @param {any} wish
 */
export function hold(show, wish) {
  const answer = http.post(`${BASE}/v1/shows/${show}/bookings`, json(wish), {
    headers: { "content-type": "application/json" },
    responseCallback: http.expectedStatuses(201, 409, 410),
    tags: { name: "hold" },
  });
  won.add(answer.status === 201 ? 1 : 0);
  lost.add([409, 410].includes(answer.status) ? 1 : 0);
  broken.add([201, 409, 410].includes(answer.status) ? 0 : 1);
  check(answer, { "an answer by the rules": ({ status }) => [201, 409, 410].includes(status) });
  return answer;
}

/**
 * Each user once, all at the same moment.
 * @param {string} name
 */
export function race(name) {
  const { users, won: winners, hold_p99_ms } = caseOf(name);
  return {
    scenarios: { race: { executor: "per-vu-iterations", vus: users, iterations: 1, maxDuration: "2m" } },
    thresholds: {
      won: [`count==${winners}`],
      lost: [`count==${users - winners}`],
      broken: ["count==0"],
      "http_req_duration{name:hold}": [`p(99)<${hold_p99_ms}`],
    },
  };
}
