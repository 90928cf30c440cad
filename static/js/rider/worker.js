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
  if (request.method === "GET" && origin === location.origin && isShell(request, pathname))
    event.respondWith(fresh(request, pathname));
});

function isShell({ mode }, path) {
  if (mode === "navigate") return /^\/r\/[^/]+\/$/.test(path);
  return path.startsWith("/static/") || path === "/jsi18n/";
}

/** The network first, and what was kept when it is silent or slow. */
async function fresh(request, path) {
  const cache = await caches.open(CACHE);
  const answer = fetch(request).then(async (response) => {
    if (response.ok) await cache.put(path, response.clone());
    else if (OVER.has(response.status)) await cache.delete(path);
    return response;
  });
  const kept = await cache.match(path);
  if (!kept) return answer;
  const tooSlow = new Promise((resolve) => setTimeout(() => resolve(kept), PATIENCE_MS));
  return Promise.race([answer.catch(() => kept), tooSlow]);
}
