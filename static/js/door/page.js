/**
 * Keeps the rider card fresh: fetches this page again every ten seconds and swaps what changes. What
 * somebody is typing stays. Says so when there is no connection.
 */

const EVERY_MS = 10_000;
const note = document.querySelector("[data-live-note]");

async function refresh() {
  if (document.hidden) return;
  const shown = document.querySelector("[data-live]");
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(EVERY_MS) });
    // Too many look-ups from here, or the card was closed: what is shown stays.
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (fresh.textContent !== shown.textContent) shown.replaceChildren(...fresh.childNodes);
    note.textContent = "";
  } catch {
    note.textContent = note.dataset.stale;
  }
}

setInterval(refresh, EVERY_MS);
document.addEventListener("visibilitychange", refresh);
