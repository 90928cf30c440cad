/** One hand-off of many: what is chosen, the key of a tap, the result, and the bell for orders without a carrier. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Bulk, handable, leftOf } from "../bulk.js";
import { Bell, Reminders } from "../reminders.js";
import { card } from "./samples.js";

const ready = (id, more = {}) => card({ id, state: "ready", fulfilment: "store_courier", ...more });

/** A bulk whose server answers as `answers` says; `later` holds what it wants done later. */
function bulkWith(answers, kept = new Map()) {
  const asked = [];
  const later = [];
  let uuids = 0;
  const bulk = new Bulk({
    ask: async (path, body, key) => {
      asked.push({ path, body, key });
      return answers.ask.shift();
    },
    read: async () => answers.read.shift(),
    changed: () => {},
    storage: {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => kept.set(name, value),
      removeItem: (name) => kept.delete(name),
    },
    scope: "bulk",
    env: { uuid: () => `key-${++uuids}`, setTimeout: (act) => later.push(act) },
  });
  return { bulk, asked, look: () => later.shift()?.() };
}

test("all that are ready can be chosen, one by one or at once", () => {
  const { bulk } = bulkWith({ ask: [], read: [] });
  const cards = [ready(1), ready(2), card({ id: 3, state: "ready" }), ready(4, { state: "making" })];
  assert.deepEqual(handable(cards), [1, 2]);
  bulk.toggleAll(cards);
  assert.deepEqual([...bulk.chosen], [1, 2]);
  bulk.toggle(1);
  bulk.prune([ready(2, { state: "collected" })]);
  assert.deepEqual([...bulk.chosen], []);
  bulk.toggleAll(cards);
  bulk.toggleAll(cards);
  assert.deepEqual([...bulk.chosen], []);
});

test("a tap is followed to its end; what was refused stays chosen", async () => {
  const first = { total: 2, done: 1, refused: 0, waiting: 1, items: [{ order: 1, outcome: "done" }] };
  const last = {
    ...first,
    refused: 1,
    waiting: 0,
    items: [...first.items, { order: 2, outcome: "refused" }],
  };
  const { bulk, asked, look } = bulkWith({ ask: [{ id: 9, total: 2 }], read: [first, null, last] });
  bulk.toggleChoosing();
  bulk.toggleAll([ready(1), ready(2)]);
  assert.equal(await bulk.start("auto"), true);
  assert.equal(await bulk.start("auto"), false);
  assert.deepEqual(asked, [{ path: "/handoffs", body: { orders: [1, 2], target: "auto" }, key: "key-1" }]);
  const seen = [];
  for (let round = 0; round < 3; round += 1) {
    await look();
    seen.push([bulk.run.done, bulk.run.refused, bulk.busy, [...bulk.chosen]]);
  }
  assert.deepEqual(seen, [
    [1, 0, true, [2]],
    [1, 0, true, [2]],
    [1, 1, false, [2]],
  ]);
  assert.deepEqual(bulk.refusals, [{ order: 2, outcome: "refused" }]);
  bulk.dismiss();
  assert.deepEqual([bulk.run, bulk.choosing], [null, true]);
});

test("a tap that got no answer goes out again under the same key, another choice under another", async () => {
  const { bulk, asked } = bulkWith({ ask: [null, null, null], read: [] });
  bulk.toggleAll([ready(1), ready(2)]);
  await bulk.start("auto");
  await bulk.start("auto");
  bulk.toggle(1);
  await bulk.start("auto");
  assert.deepEqual(
    asked.map(({ key }) => key),
    ["key-1", "key-1", "key-2"],
  );
  assert.deepEqual([bulk.run, [...bulk.chosen]], [null, [2]]);
});

test("a reload in between loses neither the result nor what is left to do", async () => {
  const kept = new Map();
  const { bulk: before } = bulkWith({ ask: [{ id: 9, total: 2 }], read: [] }, kept);
  before.toggleAll([ready(1), ready(2)]);
  await before.start("auto");

  const items = [
    { order: 1, outcome: "done" },
    { order: 2, outcome: "refused" },
  ];
  const last = { total: 2, done: 1, refused: 1, waiting: 0, items };
  const { bulk: after } = bulkWith({ ask: [], read: [last] }, kept);
  after.resume();
  await Promise.resolve();
  await Promise.resolve();

  assert.deepEqual([after.run, [...after.chosen], after.choosing], [{ ...last, id: 9 }, [2], true]);
  assert.equal(kept.size, 0);
  const { bulk: later } = bulkWith({ ask: [], read: [] }, kept);
  later.resume();
  assert.equal(later.run, null);
});

test("leaving the choosing forgets what was chosen, but not what is under way", async () => {
  const { bulk } = bulkWith({ ask: [{ id: 9, total: 1 }], read: [] });
  bulk.toggleChoosing();
  bulk.toggle(1);
  await bulk.start("rider:3");
  bulk.toggleChoosing();
  assert.deepEqual([[...bulk.chosen], bulk.run?.id, bulk.busy], [[], 9, true]);
  assert.deepEqual(leftOf(new Set([1, 2]), { items: [{ order: 1, outcome: "" }] }), new Set([1, 2]));
});

test("the bell rings again for what nobody looked at", () => {
  const bell = new Bell();
  bell.add([1, 2], 0);
  assert.equal(bell.due(new Set([1, 2]), 10_000), false);
  assert.equal(bell.due(new Set([2]), 20_000), true);
  assert.equal(bell.due(new Set([2]), 30_000), false);
  assert.equal(bell.due(new Set(), 60_000), false);
  bell.add([3], 60_000);
  bell.hush();
  assert.equal(bell.due(new Set([3]), 90_000), false);
});

test("an alarm sounds at once and again while it lasts, and is still once somebody was there", () => {
  const heard = [];
  const reminders = new Reminders((figure) => heard.push(figure));
  const search = { state: "nobody", tried: [] };
  const alone = ready(1, { delivery: { handoff: null, state: "", progress: "", search } });
  reminders.alarm([], 0);
  reminders.alarm([1], 0);
  for (const at of [1_000, 20_000, 21_000]) reminders.tick([alone], 0, at);
  reminders.hush();
  reminders.tick([alone], 0, 60_000);
  assert.deepEqual(heard, ["alarm", "alarm"]);
});
