export default {
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
};
