// What the page of the test bank says.

import { messages } from "./language.js";

const en = {
  title: "Test bank",
  language: "Language",
  ask: "Confirm your payment. This test page replaces your bank’s own page; no money moves.",
  confirm: "Confirm payment",
  refuse: "Refuse payment",
  saved: "Saved. Go back to the shop to finish the payment.",
  back: "Saved. Back to the shop…",
  failed: "The bank answered {status}.",
  unreachable: "The bank can't be reached. Try again.",
  problem_sandbox_refused: "This payment waits for no confirmation. Go back to the shop.",
  problem_rate_limited: "Too many requests in a short time. Wait a moment, then try again.",
  problem_busy: "The bank is very busy. Try again in a moment.",
  problem_unavailable: "The bank can't do this at the moment. Try again in a moment.",
};

const de = {
  title: "Testbank",
  language: "Sprache",
  ask: "Bestätigen Sie Ihre Zahlung. Diese Testseite ersetzt die Seite Ihrer Bank; es fließt kein Geld.",
  confirm: "Zahlung bestätigen",
  refuse: "Zahlung ablehnen",
  saved: "Gespeichert. Gehen Sie zurück zum Shop, um die Zahlung abzuschließen.",
  back: "Gespeichert. Zurück zum Shop…",
  failed: "Die Bank hat mit {status} geantwortet.",
  unreachable: "Die Bank ist nicht erreichbar. Versuchen Sie es noch einmal.",
  problem_sandbox_refused: "Diese Zahlung wartet auf keine Bestätigung. Gehen Sie zurück zum Shop.",
  problem_rate_limited: "Zu viele Anfragen in kurzer Zeit. Warten Sie einen Moment, und versuchen Sie es dann noch einmal.",
  problem_busy: "Bei der Bank ist sehr viel los. Versuchen Sie es gleich noch einmal.",
  problem_unavailable: "Die Bank kann das gerade nicht. Versuchen Sie es gleich noch einmal.",
};

export const t = messages({ en, de });
