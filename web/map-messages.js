// What the seat map says, and how seats are named: in the shop, in pages of other sites, and on the pages for staff.

import { texts } from "./language.js";

export const t = await texts({
  en: () => import("./texts/map.en.js"),
  de: () => import("./texts/map.de.js"),
});
