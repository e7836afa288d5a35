// The way from the shop's last step to the wallet. Small, because every page of the shop loads it.

import { h } from "../dom.js";
import { language } from "../language.js";

const TEXT = { en: "Show the tickets", de: "Tickets zeigen" };

/** A link that opens a booking in the wallet of this browser, which has its token. */
export const walletLink = (id) => h("a", { class: "primary", href: `/wallet#booking=${encodeURIComponent(id)}`, data: { key: "wallet", act: "wallet" } }, TEXT[language]);
