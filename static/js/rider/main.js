/** Starts the rider's page: the model, the screen, and what keeps both alive without a network. */

import "./parts/problem.js";
import "./parts/stop.js";
import "./parts/app.js";
import { Api } from "./api.js";
import { Rider } from "./rider.js";
import { keepShell } from "./shell.js";
import { openStore } from "./store.js";

const boot = JSON.parse(document.getElementById("boot").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const app = document.querySelector("rider-app");

function paint() {
  document.documentElement.dataset.theme = dark.matches ? "dark" : "light";
}

paint();
dark.addEventListener("change", paint);

const rider = new Rider({
  api: new Api(location.pathname),
  store: await openStore(boot.rider),
  undoMs: boot.undo_seconds * 1000,
  env: {
    now: () => Date.now(),
    uuid: () => uuid(),
    setTimeout: (...wait) => setTimeout(...wait),
    clearTimeout: (timer) => clearTimeout(timer),
  },
});
app.rider = rider;
rider.start();

/* The page may lie open in a bag for an hour: what it says of time must still be true. */
setInterval(() => app.requestUpdate(), 1_000);
addEventListener("online", () => rider.refresh());
addEventListener("pagehide", () => rider.sleep());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) rider.sleep();
  else rider.refresh();
});
// Without a network nothing new is kept, and what was kept stays.
keepShell().catch(() => {});

/** Also where the page came over plain HTTP, in a shop's own network: randomUUID is for secure pages only. */
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
