/** What the board takes from the browser; tests give it their own. */

export const BROWSER = {
  WebSocket: globalThis.WebSocket,
  fetch: (...request) => fetch(...request),
  now: () => Date.now(),
  random: () => Math.random(),
  uuid: () => crypto.randomUUID?.() ?? fallbackUuid(),
  setTimeout: (...timer) => setTimeout(...timer),
  clearTimeout: (timer) => clearTimeout(timer),
  hidden: () => document.hidden,
};

/** randomUUID exists only on HTTPS and localhost; a shop may well run plain HTTP on its own net. */
function fallbackUuid() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
