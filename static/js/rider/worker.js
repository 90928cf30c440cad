/**
 * The rider's page without a network: a service worker for /r/ that keeps the page and what it is made of.
 * What guests told us never goes through it: lists and steps are the page's own business.
 */

const CACHE = "rider-shell"; // as in shell.js
const PATIENCE_MS = 4_000;
const OVER = new Set([404, 410]);

addEventListener("install", () => self.skipWaiting());
addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  // "reload" is how the page renews what is kept: that must come from the portal.
  if (request.method !== "GET" || origin !== location.origin || request.cache === "reload") return;
  if (request.mode === "navigate" && /^\/r\/[^/]+\/$/.test(pathname))
    event.respondWith(page(request, pathname));
  else if (pathname.startsWith("/static/") || pathname === "/jsi18n/")
    event.respondWith(part(request, pathname));
});

/**
 * The page: from the network, or as it was kept when that is silent, slow or out of order. It is the page itself that keeps it
 * anew, with its parts.
 */
async function page(request, path) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(path);
  const answer = fetch(request).then(async (response) => {
    if (OVER.has(response.status)) await cache.delete(path);
    return response.status >= 500 && kept ? kept : response;
  });
  if (!kept) return answer;
  const tooSlow = new Promise((resolve) => setTimeout(() => resolve(kept), PATIENCE_MS));
  return Promise.race([answer.catch(() => kept), tooSlow]);
}

/** A part of it: as it was kept, for a page of twenty parts would take a bad network twenty times. */
async function part(request, path) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(request);
}
