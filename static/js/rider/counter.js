/**
 * The counter's page of riders: keeps itself fresh, and shows a rider's code in a large dialog. Without this
 * script the page works, too: the code is a page of its own.
 */

import { readSettings } from "../board/settings.js";

const EVERY_MS = 10_000;
const note = document.querySelector("[data-live-note]");
const dialog = document.querySelector("[data-code-dialog]");

// The counter looks alike wherever one goes from the board.
document.documentElement.dataset.theme = readSettings().theme;

async function pageAt(address) {
  const answer = await fetch(address, { signal: AbortSignal.timeout(EVERY_MS) });
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

/** Swap the living part, unless somebody is at it with the keyboard or has something open. */
async function refresh() {
  const living = document.querySelector("[data-live]");
  const busy = living.contains(document.activeElement) || living.querySelector("details[open]");
  if (document.hidden || dialog.open || busy) return;
  try {
    const fresh = (await pageAt(location.href)).querySelector("[data-live]");
    // A page without it is the sign-in page: the session ended.
    if (!fresh) return location.reload();
    living.replaceWith(document.adoptNode(fresh));
    note.textContent = "";
  } catch {
    note.textContent = note.dataset.stale;
  }
}

async function showCode(link) {
  try {
    const code = (await pageAt(link.href)).querySelector("[data-code-panel]");
    if (!code) return location.reload();
    dialog.replaceChildren(document.adoptNode(code));
    dialog.showModal();
  } catch {
    note.textContent = note.dataset.stale;
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-code]");
  const close = event.target.closest("[data-close]");
  if (!link && !(close && dialog.open)) return;
  event.preventDefault();
  if (link) showCode(link);
  else dialog.close();
});
// A code left on the screen is a code for everybody.
dialog.addEventListener("close", () => dialog.replaceChildren());
setInterval(refresh, EVERY_MS);
