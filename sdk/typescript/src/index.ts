// The client of a lastseat server. See README.md.

export { Lastseat, newKey } from "./client.js";
export type { Answer, CallOptions, Input, Method, Options, PathWith } from "./client.js";
export { Fault, LastseatError, OutcomeUnknown, Rejection, isRejection } from "./errors.js";
export type { Problem, ProblemCode, ProblemOf } from "./errors.js";
export type { AreaAvailability, SeatChange, SeatEvent, ShowRevised, StreamOptions } from "./events.js";
export type { RetryOptions } from "./retry.js";
export type { components, operations, paths } from "./schema.js";
export { VERSION } from "./document.js";

import type { components } from "./schema.js";

type Schemas = components["schemas"];
export type Booking = Schemas["Booking"];
export type Show = Schemas["Show"];
export type Tickets = Schemas["Tickets"];
