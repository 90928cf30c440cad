/** What sounds as time goes on: what turns late, and what is left on the shelf with nobody asked. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { leftStanding, reminders } from "../carriage.js";
import { Reminders, Turns } from "../reminders.js";
import { columns } from "../state.js";
import { at, card, delivery } from "./samples.js";

const NOON = Date.parse(at("12:00"));
const MINUTE = 60_000;
const ALONE = { handoff: null, carrier: "", state: "", progress: "", since: at("12:00") };
const looking = (state) => ({ state, automatic: false, accept_by: null, tried: [], reason: "" });

function shelf(id, fields, more = {}) {
  const standing = { id, state: "ready", fulfilment: "store_courier", ready_at: at("12:00") };
  return card({ ...standing, delivery: fields && delivery(fields), ...more });
}

/** What is heard when the board looks once a second for so many minutes. */
function heard(cards, minutes, first = 0) {
  const figures = [];
  let now = NOON + first * MINUTE;
  const board = new Reminders((figure) => figures.push([figure, (now - NOON) / MINUTE]));
  for (const until = now + minutes * MINUTE; now <= until; now += 1_000) board.tick(cards(now), now, now);
  return figures;
}

test("an order nobody is asked to carry is a reminder every four minutes", () => {
  const one = shelf(1, null);
  const minutes = [0, 3.99, 4, 7.9, 8, 12];
  assert.deepEqual(
    minutes.map((passed) => reminders(one, NOON + passed * MINUTE)),
    [0, 0, 1, 1, 2, 3],
  );
  assert.deepEqual(
    heard(() => [one], 12),
    [
      ["left", 4],
      ["left", 8],
      ["left", 12],
    ],
  );
});

test("what is proposed, taken over or was called off is left standing too, from then on", () => {
  const cards = [
    shelf(1, { ...ALONE, suggestion: { key: "rider:1" }, search: looking("idle") }),
    shelf(2, { ...ALONE, search: looking("stopped") }, { ready_at: at("11:59") }),
    shelf(3, { handoff: 7, state: "cancelled", since: at("12:03"), search: looking("stopped") }),
    shelf(4, { handoff: 8, state: "failed", since: at("12:02") }, { ready_at: at("11:00") }),
  ];
  const left = (passed) => leftStanding(cards, NOON + passed * MINUTE).map(({ id }) => id);
  assert.deepEqual([3, 4, 6, 7].map(left), [[2], [2, 1], [2, 1, 4], [2, 1, 4, 3]]);
});

test("nothing is left where somebody is asked, nobody is needed, or an alarm says so already", () => {
  const cards = [
    shelf(1, { state: "sent" }),
    shelf(2, { ...ALONE, search: looking("seeking") }),
    shelf(3, { ...ALONE, search: looking("nobody") }),
    shelf(4, null, { fulfilment: "pickup" }),
    shelf(5, null, { fulfilment: "platform_courier" }),
    shelf(6, null, { state: "making" }),
    shelf(7, null, { state: "collected" }),
    shelf(8, null, { ready_at: null }),
  ];
  assert.deepEqual(leftStanding(cards, NOON + 60 * MINUTE), []);
});

test("it is still once somebody is asked, and on the shelf it stands before what is taken care of", () => {
  const one = shelf(1, null);
  const given = shelf(2, { state: "sent" }, { ready_at: at("11:59") });
  assert.deepEqual(
    heard((now) => (now < NOON + 5 * MINUTE ? [one] : [given]), 12),
    [["left", 4]],
  );
  assert.deepEqual(
    columns([given, one]).ready.map(({ id }) => id),
    [1, 2],
  );
});

test("opening the board rings for nothing that stood there before; the next time is heard", () => {
  assert.deepEqual(
    heard(() => [shelf(1, null)], 5, 4.5),
    [["left", 8]],
  );
});

test("in a wave many cards are one tone", () => {
  const wave = Array.from({ length: 30 }, (_, id) => shelf(id, null, { ready_at: at(`12:00:${10 + id}`) }));
  assert.equal(heard(() => wave, 5).length, 1);
});

test("of what turns late and what is left, one is heard", () => {
  const both = [shelf(1, null, { promised_at: at("12:04") }), card({ id: 2, promised_at: at("12:06") })];
  assert.deepEqual(
    heard(() => both, 7),
    [
      ["left", 4],
      ["late", 6],
    ],
  );
});

test("a turn counts once, and not again when it comes back as it was", () => {
  const turns = new Turns();
  const due = (counts, now) => turns.due(new Map(counts), now);
  assert.equal(due([[1, 1]], 0), false);
  assert.equal(
    due(
      [
        [1, 1],
        [2, 1],
      ],
      40_000,
    ),
    true,
  );
  assert.equal(
    due(
      [
        [1, 1],
        [2, 1],
      ],
      80_000,
    ),
    false,
  );
  assert.equal(
    due(
      [
        [1, 2],
        [2, 1],
      ],
      120_000,
    ),
    true,
  );
  assert.equal(due([[1, 1]], 160_000), false);
});
