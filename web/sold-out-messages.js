// What the shop's page says where nothing is left: other shows, the next best category, and how one hears of free seats.

import { messages } from "./language.js";

const en = {
  section: "If nothing is left",
  tell: "Tell me when seats become free",
  tell_hint: "This page tells you, also from another tab. Keep it open.",
  telling: "You will hear from this page when seats become free. Keep it open.",
  telling_quiet: "You will hear from this page when seats become free. Keep it open and in view: your browser lets it send no notifications.",
  stop: "Don't tell me",
  free: { one: "{count} place is free now", other: "{count} places are free now" },
  free_hint: "Be quick: others see it, too.",
  free_title: "Free now: {show}",
  free_again: { one: "{count} place of “{show}” is free now.", other: "{count} places of “{show}” are free now." },
  gone_again: "They are gone again. This page goes on watching.",
  other_shows: "Shows with free seats",
  places_free: { one: "{count} free", other: "{count} free" },
  none_of: "{category} is sold out at the moment.",
  next_best: "Take {category}, {price}",
};

const de = {
  section: "Wenn nichts mehr frei ist",
  tell: "Bescheid sagen, wenn Plätze frei werden",
  tell_hint: "Diese Seite sagt es Ihnen, auch aus einem anderen Tab. Lassen Sie sie offen.",
  telling: "Sie hören von dieser Seite, wenn Plätze frei werden. Lassen Sie sie offen.",
  telling_quiet: "Sie hören von dieser Seite, wenn Plätze frei werden. Lassen Sie sie offen und im Blick: Ihr Browser erlaubt ihr keine Mitteilungen.",
  stop: "Nicht mehr Bescheid sagen",
  free: { one: "{count} Platz ist jetzt frei", other: "{count} Plätze sind jetzt frei" },
  free_hint: "Schnell: Andere sehen es auch.",
  free_title: "Jetzt frei: {show}",
  free_again: { one: "{count} Platz für „{show}“ ist jetzt frei.", other: "{count} Plätze für „{show}“ sind jetzt frei." },
  gone_again: "Sie sind wieder weg. Diese Seite passt weiter auf.",
  other_shows: "Veranstaltungen mit freien Plätzen",
  places_free: { one: "{count} frei", other: "{count} frei" },
  none_of: "{category}: zurzeit ausverkauft.",
  next_best: "Nehmen Sie {category}, {price}",
};

export const t = messages({ en, de });
