import { sleep } from "k6";
import { caseOf, hold, makeShow } from "./lib.js";

const NAME = "steps";
const { steps, hold_p99_ms } = caseOf(NAME);

export const options = {
  scenarios: { steps: { executor: "ramping-vus", startVUs: 0, stages: steps.map((/** @type {number} */ target) => ({ duration: "15s", target })), gracefulRampDown: "5s" } },
  thresholds: { broken: ["count==0"], "http_req_duration{name:hold}": [`p(99)<${hold_p99_ms}`] },
};
export const setup = () => makeShow(NAME);

/** @param {string} show */
export default function (show) {
  hold(show, { area: "floor", quantity: 1 });
  sleep(1);
}
