/** Starts the board: reads what the page says about store and person, makes the model, hands it round. */

import "./parts/answer.js";
import "./parts/app.js";
import "./parts/banners.js";
import "./parts/bar.js";
import "./parts/bulk.js";
import "./parts/bulkto.js";
import "./parts/call.js";
import "./parts/card.js";
import "./parts/column.js";
import "./parts/handoff.js";
import "./parts/intake.js";
import "./parts/move.js";
import "./parts/order.js";
import "./parts/pause.js";
import "./parts/rail.js";
import "./parts/recent.js";
import "./parts/search.js";
import "./parts/settings.js";
import "./parts/toast.js";
import "./parts/wave.js";
import { Board } from "./board.js";
import { keepAwake } from "./wake.js";
import { failure, moved, refusal } from "./words.js";

const boot = JSON.parse(document.getElementById("boot").textContent);
const board = new Board(boot, { failure, moved, refusal });
for (const name of ["board-bar", "board-app"]) document.querySelector(name).board = board;
board.start();
keepAwake();
