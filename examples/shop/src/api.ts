// The client: generated types over `fetch`.

// By its place, because browsers know no packages; a bundler would find "openapi-fetch".
import createClient from "../node_modules/openapi-fetch/dist/index.mjs";
import type { components, paths } from "./lastseat.js";

export type Booking = components["schemas"]["Booking"];
export type Problem = components["schemas"]["Problem"];
export type Show = components["schemas"]["Show"];

/** The server that sells, as the page names it. */
export const server = document.querySelector<HTMLMetaElement>('meta[name="lastseat"]')?.content ?? location.origin;

export const api = createClient<paths>({ baseUrl: server });

/** A refusal, with its facts. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(sentence(problem));
  }
}

/** The body of a success; a refusal becomes an exception. */
export function done<T>(answer: { data?: T; error?: Problem }): T {
  if (answer.error !== undefined) throw new Refused(answer.error);
  if (answer.data === undefined) throw new Error("The answer has no body.");
  return answer.data;
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

export function money(value: number, currency: string): string {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(value / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

/** What to say. The code decides which facts there are: the compiler knows them in each case. */
function sentence(problem: Problem): string {
  switch (problem.code) {
    case "seat_unavailable":
      return problem.seat ? `Seat ${problem.seat} was just taken. Choose another one.` : "There are not so many seats together.";
    case "buyer_limit":
      return `You can have ${problem.most} seats of this show, and have ${problem.have}.`;
    case "sale_not_open":
      return `The sale opens on ${new Date(problem.opens_at).toLocaleString()}.`;
    case "payment_declined":
      return `Your bank declined the card (${problem.decline_code}). Your seats are still held: try another one.`;
    case "booking_over":
      return problem.reason === "expired" ? "Your time is over, and the seats are free again." : "The booking has ended.";
    case "rate_limited":
      return `Too many requests. Try again in ${problem.retry_after ?? 1} s.`;
    default:
      return problem.detail;
  }
}
