// Keeps the page of the entrance for when there is no network. With a network, the server's files are used: a device never works
// with old code because it has kept it. Nothing under /v1 passes through here.

const CACHE = "lastseat-entrance";
const PATIENCE_MS = 3_000;
const FILES = [
  "/entrance",
  "/assets/favicon.svg",
  "/assets/tokens.css",
  "/assets/parts.css",
  "/assets/api.js",
  "/assets/dom.js",
  "/assets/language.js",
  "/assets/show.js",
  "/assets/words.js",
  "/assets/staff/frame.js",
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
];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== self.location.origin || !FILES.includes(pathname)) return;
  event.respondWith(fresh(event.request, pathname));
});

async function fresh(request, pathname) {
  const cache = await caches.open(CACHE);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (answer.ok) await cache.put(pathname, answer.clone());
    return answer;
  } catch (error) {
    const kept = await cache.match(pathname);
    if (kept) return kept;
    throw error;
  }
}
