/** Keeps the page itself on the phone, so that it opens without a network. */

const CACHE = "rider-shell"; // as in worker.js

/**
 * Register the worker and put into its cache what this page is made of, as the portal has it now: all or nothing,
 * so that the parts fit each other. Everything is here before anything is replaced: a network that goes in the
 * middle takes nothing away. Pages of earlier links go.
 */
export async function keepShell() {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register("/r/worker.js", { scope: "/r/" });
  const page = location.pathname;
  const loaded = performance.getEntriesByType("resource").map(({ name }) => new URL(name));
  const parts = loaded.filter(({ origin, pathname }) => origin === location.origin && isPart(pathname));
  const paths = [...new Set(parts.map(({ pathname }) => pathname)), page];
  const fresh = await Promise.all(paths.map(load));
  const cache = await caches.open(CACHE);
  // The page comes last: when it is there, all of it is.
  for (const [index, path] of paths.entries()) await cache.put(path, fresh[index]);
  const kept = (await cache.keys()).map(({ url }) => new URL(url).pathname);
  const others = kept.filter((path) => path.startsWith("/r/") && path !== page);
  await Promise.all(others.map((path) => cache.delete(path)));
}

/** The whole answer, in memory. */
async function load(path) {
  const answer = await fetch(path, { cache: "reload" });
  if (!answer.ok) throw new Error(`${path} is not to be had: ${answer.status}`);
  return new Response(await answer.blob(), { headers: answer.headers });
}

function isPart(path) {
  return path.startsWith("/static/") || path === "/jsi18n/";
}
