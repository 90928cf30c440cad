/** Keys, and the stillness of the columns under a finger. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { actionFor, neighbour } from "../keys.js";
import { Stillness } from "../stillness.js";

const press = (key, tagName = "BODY", more = {}) => ({ key, target: { tagName }, ...more });
const ON = { letters: true };

test("keys mean actions; letters only when they are on", () => {
  assert.equal(actionFor(press("j"), ON), "down");
  assert.equal(actionFor(press("r"), ON), "request");
  assert.equal(actionFor(press("n"), ON), "alarm");
  assert.equal(actionFor(press("b"), ON), "choose");
  assert.equal(actionFor(press("j"), { letters: false }), null);
  assert.equal(actionFor(press("ArrowDown"), { letters: false }), "down");
  assert.equal(actionFor(press("u", "INPUT"), ON), null);
  assert.equal(actionFor(press("u", "BODY", { ctrlKey: true }), ON), null);
  assert.equal(actionFor(press("toString"), ON), null);
});

test("Enter is the next step on a card and the button's own on a button", () => {
  assert.equal(actionFor(press("Enter", "ARTICLE"), ON), "step");
  assert.equal(actionFor(press("Enter", "BUTTON"), ON), null);
});

test("arrows go through the columns and stop at their ends", () => {
  const lists = [[1, 2, 3], [], [7], [8, 9]];
  assert.equal(neighbour(lists, undefined, "down"), 1);
  assert.equal(neighbour(lists, 1, "down"), 2);
  assert.equal(neighbour(lists, 3, "down"), 3);
  assert.equal(neighbour(lists, 3, "right"), 7);
  assert.equal(neighbour(lists, 9, "left"), 7);
  assert.equal(neighbour(lists, 9, "right"), 9);
  assert.equal(neighbour([[], []], undefined, "down"), null);
});

const ids = (layout) =>
  Object.fromEntries(
    Object.entries(layout).map(([name, items]) => [
      name,
      items.map(({ card, gone }) => (gone ? -card.id : card.id)),
    ]),
  );

test("a card that leaves keeps its place while a finger is down, and for a moment after", () => {
  const still = new Stillness();
  const [one, two, three] = [{ id: 1 }, { id: 2 }, { id: 3 }];
  still.layout({ waiting: [one, two], making: [] }, 0);
  still.touch(true, 1_000);
  assert.deepEqual(ids(still.layout({ waiting: [two, three], making: [one] }, 1_001)), {
    waiting: [-1, 2, 3],
    making: [1],
  });
  still.touch(false, 1_100);
  assert.deepEqual(ids(still.layout({ waiting: [two, three], making: [one] }, 1_200)), {
    waiting: [-1, 2, 3],
    making: [1],
  });
  assert.deepEqual(ids(still.layout({ waiting: [two, three], making: [one] }, 1_800)), {
    waiting: [2, 3],
    making: [1],
  });
});

test("a press on a card that has just moved was meant for another", () => {
  const still = new Stillness();
  still.layout({ waiting: [{ id: 1 }, { id: 2 }] }, 0);
  still.layout({ waiting: [{ id: 2 }] }, 5_000);
  assert.deepEqual([still.justMoved(2, 5_100), still.justMoved(2, 5_400)], [true, false]);
});

test("what makes a card taller waits until the finger is off", () => {
  const still = new Stillness();
  const [calm, below] = [
    { id: 1, state: "placed", request: null },
    { id: 2, request: null },
  ];
  const asks = { id: 1, state: "accepted", request: { about: "cancel" } };
  still.layout({ waiting: [calm, below] }, 0);
  still.touch(true, 1_000);
  const [held] = still.layout({ waiting: [asks, below] }, 1_001).waiting;
  assert.deepEqual([held.card.state, held.card.request], ["accepted", null]);
  still.touch(false, 1_100);
  const later = 1_100 + Stillness.REST_MS;
  assert.equal(still.layout({ waiting: [asks, below] }, later).waiting[0].card, asks);
});
