// Keeps a page for when there is no network; service workers import it. With a network, the server's files are used: a device never works with old
// code because it has kept it. Nothing under /v1 passes through here.

const PATIENCE_MS = 3_000;

/** Keeps `files`, which are all that a page is made of, in the cache `name`. */
function keepPage(name, files) {
  self.addEventListener("install", (event) => {
    event.waitUntil(caches.open(name).then((cache) => cache.addAll(files)).then(() => self.skipWaiting()));
  });

  self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

  self.addEventListener("fetch", (event) => {
    const { pathname, origin } = new URL(event.request.url);
    if (event.request.method !== "GET" || origin !== self.location.origin || !files.includes(pathname)) return;
    event.respondWith(fresh(name, event.request, pathname));
  });
}

async function fresh(name, request, pathname) {
  const cache = await caches.open(name);
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
