// Keeps the page of the entrance for when there is no network. How, is in offline.js.

importScripts("/assets/offline.js");

keepPage("lastseat-entrance", [
  "/entrance",
  "/assets/favicon.svg",
  "/assets/tokens.css",
  "/assets/parts.css",
  "/assets/api.js",
  "/assets/dom.js",
  "/assets/language-choice.js",
  "/assets/language.js",
  "/assets/map-messages.js",
  "/assets/show.js",
  "/assets/texts/map.de.js",
  "/assets/texts/map.en.js",
  "/assets/words.js",
  "/assets/staff/frame.js",
  "/assets/staff/request-problem-messages.js",
  "/assets/staff/session.js",
  "/assets/entrance/code.js",
  "/assets/entrance/decide.js",
  "/assets/entrance/door.js",
  "/assets/entrance/entrance.css",
  "/assets/entrance/entrance.js",
  "/assets/entrance/manifest.webmanifest",
  "/assets/entrance/messages.js",
  "/assets/entrance/scanner.js",
  "/assets/entrance/store.js",
  "/assets/entrance/vendor/qr-decode.js",
]);
