// What the shop uses of `<lastseat-map>`. Copy it: the element itself comes from the server as plain JavaScript.

import type { Booking } from "./api.js";
import type { components } from "./lastseat.js";

export interface ChosenSeat {
  seat: string;
  name: string;
  /** Minor units. */
  price: number;
  price_type?: string;
  price_types?: components["schemas"]["PriceType"][];
}

export interface Selection {
  seats: ChosenSeat[];
  fees: number;
  total: number;
  currency: string;
}

export interface LastseatMapElement extends HTMLElement {
  readonly selection: Selection;
  readonly holdBody: components["schemas"]["HoldSeats"];
  held: string[];
  choose(seat: string, priceType?: string): string | undefined;
  drop(seat?: string): void;
  hold(send: (body: components["schemas"]["HoldSeats"]) => Promise<Booking>): Promise<Booking>;
}

export interface LastseatMapEvents {
  "lastseat-ready": { show: components["schemas"]["Show"]; seats: number };
  "lastseat-selection": Selection;
  "lastseat-seat-lost": { seats: string[] };
  "lastseat-refused": { seat: string; reason: string };
  "lastseat-sale": { status: components["schemas"]["ShowStatus"] };
  "lastseat-status": { status: "loading" | "live" | "reconnecting" | "resting" };
  "lastseat-error": { code: string; message: string };
}

export function on<K extends keyof LastseatMapEvents>(
  map: HTMLElement,
  name: K,
  listener: (detail: LastseatMapEvents[K]) => void,
): void {
  map.addEventListener(name, (event) => listener((event as CustomEvent<LastseatMapEvents[K]>).detail));
}
