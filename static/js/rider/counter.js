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

/** Swap the living parts of the page. */
async function refresh() {
  if (document.hidden || dialog.open) return;
  try {
    const fresh = await pageAt(location.href);
    // A page without them is the sign-in page: the session ended.
    if (!fresh.querySelector("[data-live]")) return location.reload();
    for (const living of document.querySelectorAll("[data-live]")) swap(living, fresh);
    note.textContent = "";
  } catch {
    note.textContent = note.dataset.stale;
  }
}

/** Not the part that somebody is at with the keyboard or has something open in. */
function swap(living, page) {
  const busy = living.contains(document.activeElement) || living.querySelector("details[open]");
  const fresh = page.querySelector(`[data-live="${living.dataset.live}"]`);
  if (!busy && fresh) living.replaceWith(document.adoptNode(fresh));
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
