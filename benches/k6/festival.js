import { caseOf, hold, makeShow, race } from "./lib.js";

const NAME = "festival";
export const options = race(NAME);
export const setup = () => makeShow(NAME);

/** @param {string} show */
export default function (show) {
  const { seat, quantity } = caseOf(NAME);
  hold(show, seat ? { seats: [seat] } : { area: "floor", quantity });
}
