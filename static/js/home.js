/**
 * Keeps the list of stores fresh: fetches this page again every ten seconds and swaps the list,
 * unless someone is on it with the keyboard. Says so when the portal cannot be reached.
 */

const EVERY_MS = 10_000;
const note = document.querySelector("[data-live-note]");

async function refresh() {
  const list = document.querySelector("[data-live]");
  if (document.hidden || list.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(EVERY_MS) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    // A page without the list is the sign-in page: the session ended.
    if (!fresh) return location.reload();
    list.replaceWith(document.adoptNode(fresh));
    note.textContent = "";
  } catch {
    note.textContent = note.dataset.stale;
  }
}

setInterval(refresh, EVERY_MS);
