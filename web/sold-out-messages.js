// What the shop's page says where nothing is left: other shows, the next best category, and how one hears of free seats.

import { texts } from "./language.js";

export const t = await texts({
  en: () => import("./texts/sold-out.en.js"),
  de: () => import("./texts/sold-out.de.js"),
});
