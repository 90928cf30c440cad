/** Keeps the page itself on the phone, so that it opens without a network. */

const CACHE = "rider-shell"; // as in worker.js

/**
 * Register the worker and put into its cache what this page is made of, as the portal has it now: all or nothing,
 * so that the parts fit each other. Pages of earlier links go.
 */
export async function keepShell() {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register("/r/worker.js", { scope: "/r/" });
  const cache = await caches.open(CACHE);
  const page = location.pathname;
  const loaded = performance.getEntriesByType("resource").map(({ name }) => new URL(name));
  const parts = loaded.filter(({ origin, pathname }) => origin === location.origin && isPart(pathname));
  const paths = [page, ...new Set(parts.map(({ pathname }) => pathname))];
  await cache.addAll(paths.map((path) => new Request(path, { cache: "reload" })));
  const kept = (await cache.keys()).map(({ url }) => new URL(url).pathname);
  const others = kept.filter((path) => path.startsWith("/r/") && path !== page);
  await Promise.all(others.map((path) => cache.delete(path)));
}

function isPart(path) {
  return path.startsWith("/static/") || path === "/jsi18n/";
}
