// What the shop says about paying, and about requests that were refused. `problem_…` are the server's codes.

import { texts } from "./language.js";

export const t = await texts({
  en: () => import("./texts/payment.en.js"),
  de: () => import("./texts/payment.de.js"),
});
