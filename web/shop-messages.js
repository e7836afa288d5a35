// What the shop's page says around the map: the show, the checkout, tickets, and the visitor's bookings.

import { texts } from "./language.js";

export const t = await texts({
  en: () => import("./texts/shop.en.js"),
  de: () => import("./texts/shop.de.js"),
});
