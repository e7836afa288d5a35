// What the map of a large show says.

import { messages } from "../language.js";

const en = {
  stage: "STAGE",
  sections: "Sections of the house. Arrow keys or the beginning of a name lead to a section, Enter opens it.",
  seats: "Seats of {section}. Arrow keys lead to seats, the name of a row leads to that row, Enter picks, Escape leads back to the sections.",
  seats_only: "Seats of {section}. Arrow keys lead to seats, the name of a row leads to that row, Enter picks.",
  section: { one: "{name}, from {price}, {count} of {total} seats free", other: "{name}, from {price}, {count} of {total} seats free" },
  section_full: "{name}, from {price}, no seats free",
  row: "{section}, row {row}",
  seat: "{seat}, {price}, {state}",
  yours: "yours",
  opened: { one: "{name}: {rows} rows, {count} seat free.", other: "{name}: {rows} rows, {count} seats free." },
  back: "Sections of the house.",
  chosen: "{seat} chosen, {price}.",
  left_out: "{seat} left out.",
  became: "{seat} is now {state}.",
  free_from: "{count} free, from {price}",
  none_free: "none free",
};

const de = {
  stage: "BÜHNE",
  sections: "Bereiche des Hauses. Pfeiltasten oder der Anfang eines Namens führen zu einem Bereich, Eingabe öffnet ihn.",
  seats: "Plätze in {section}. Pfeiltasten führen zu Plätzen, der Name einer Reihe zu dieser Reihe, Eingabe wählt, Escape führt zurück zu den Bereichen.",
  seats_only: "Plätze in {section}. Pfeiltasten führen zu Plätzen, der Name einer Reihe zu dieser Reihe, Eingabe wählt.",
  section: { one: "{name}, ab {price}, {count} von {total} Plätzen frei", other: "{name}, ab {price}, {count} von {total} Plätzen frei" },
  section_full: "{name}, ab {price}, kein Platz frei",
  row: "{section}, Reihe {row}",
  seat: "{seat}, {price}, {state}",
  yours: "Ihrer",
  opened: { one: "{name}: {rows} Reihen, {count} Platz frei.", other: "{name}: {rows} Reihen, {count} Plätze frei." },
  back: "Bereiche des Hauses.",
  chosen: "{seat} gewählt, {price}.",
  left_out: "{seat} nicht mehr gewählt.",
  became: "{seat} ist jetzt {state}.",
  free_from: "{count} frei, ab {price}",
  none_free: "keiner frei",
};

export const t = messages({ en, de });
