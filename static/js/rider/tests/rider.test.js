/** The rider's page as a model: lists overtake each other, links end, taps are taken back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Rider } from "../rider.js";
import { Memory } from "../store.js";

const settle = async () => {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};
const START = Date.parse("2026-02-06T04:00:00.000Z");
const OVER = { status: 410, body: { code: "link_over", detail: "Scan the new one." } };

const stop = (order, picked_up = false) => ({
  order,
  number: String(order),
  state: "ready",
  bags: [{ handoff: order * 10, bag: 1, bags: 1, code: "", picked_up }],
});

function list(seconds, ...stops) {
  return {
    at: new Date(START + seconds * 1000).toISOString(),
    shift: { id: 1, ends_at: "2026-02-06T16:00:00.000Z" },
    store: { timezone: "Asia/Shanghai" },
    stops,
    delivered: 0,
  };
}

function page({ lists = [], answers = [], store = new Memory() }) {
  const clock = { now: START, number: 0 };
  const sent = [];
  const timers = [];
  const api = {
    stops: async () => {
      const next = lists.shift() ?? null;
      if (next === null) throw new TypeError("no network");
      return next.status ? next : { status: 200, body: next };
    },
    send: async ({ handoff, verb }) => {
      sent.push([handoff, verb]);
      const next = answers.shift() ?? null;
      if (next === null) throw new TypeError("no network");
      return next.status ? next : { status: 200, body: next };
    },
    call: async () => {
      throw new TypeError("no network");
    },
  };
  const env = {
    now: () => clock.now,
    uuid: () => {
      clock.number += 1;
      return `${clock.now}-${clock.number}`;
    },
    setTimeout: (run, wait) => timers.push([wait, run]),
    clearTimeout: () => {},
  };
  const rider = new Rider({ api, store, env, undoMs: 8_000 });
  return { rider, clock, sent, timers, store };
}

const shown = ({ view }) => [view.way, view.shelf].map((stops) => stops.map(({ order }) => order));

test("the list comes from the portal and stays on the phone", async () => {
  const { rider, store } = page({ lists: [list(0, stop(1))] });
  await rider.start();
  assert.deepEqual([shown(rider), rider.line], [[[], [1]], ""]);
  const later = page({ store });
  await later.rider.start();
  assert.deepEqual([shown(later.rider), later.rider.line, later.rider.stale], [[[], [1]], "offline", true]);
});

test("without a network the rider goes on, also after a reload, and the portal catches up in order", async () => {
  const { rider, store, clock } = page({ lists: [list(0, stop(1))] });
  await rider.start();
  await rider.step(rider.view.shelf[0], "picked-up");
  await settle();
  clock.now += 60_000;
  await rider.step(rider.view.way[0], "delivered");
  await settle();
  assert.deepEqual([shown(rider), rider.view.delivered, rider.view.waiting], [[[], []], 1, 2]);

  const answers = [list(90, stop(1, true)), list(91)];
  const later = page({ store, lists: [list(89, stop(1))], answers });
  later.clock.now = clock.now + 20_000;
  await later.rider.start();
  await settle();
  assert.deepEqual(later.sent, [
    [10, "picked-up"],
    [10, "delivered"],
  ]);
  assert.deepEqual([shown(later.rider), later.rider.view.waiting], [[[], []], 0]);
});

test("a list that was overtaken on its way is not shown", async () => {
  const { rider } = page({ lists: [list(10), list(5, stop(1))] });
  await rider.start();
  await rider.refresh();
  assert.deepEqual(shown(rider), [[], []]);
});

test("a delivery is taken back before it is sent", async () => {
  const { rider, sent } = page({ lists: [list(0, stop(1, true))] });
  await rider.start();
  await rider.step(rider.view.way[0], "delivered");
  assert.deepEqual([shown(rider), rider.undoable.number], [[[], []], "1"]);
  await rider.undo();
  await settle();
  assert.deepEqual([shown(rider), sent, rider.undoable], [[[1], []], [], null]);
});

test("a pick-up that the portal knows of is reversed there", async () => {
  const answers = [list(1, stop(1, true)), list(2, stop(1))];
  const { rider, sent } = page({ lists: [list(0, stop(1))], answers });
  await rider.start();
  await rider.step(rider.view.shelf[0], "picked-up");
  await settle();
  assert.deepEqual(shown(rider), [[1], []]);
  await rider.undo();
  await settle();
  assert.deepEqual(sent, [
    [10, "picked-up"],
    [10, "not-picked-up"],
  ]);
  assert.deepEqual(shown(rider), [[], [1]]);
});

test("everything on the shelf goes with one tap and comes back with one", async () => {
  const { rider } = page({ lists: [list(0, stop(1), stop(2), stop(3, true))] });
  await rider.start();
  await rider.pickUpAll(rider.view.shelf);
  await settle();
  assert.deepEqual([shown(rider), rider.view.waiting], [[[1, 2, 3], []], 1]);
  await rider.undo();
  assert.deepEqual(shown(rider), [[3], [1, 2]]);
});

test("one tap says that the rider is here for all that waits, and one takes it back", async () => {
  const answers = [list(1, stop(1), stop(2)), list(2, stop(1), stop(2))];
  const { rider, sent } = page({ lists: [list(0, stop(1), stop(2), stop(3, true))], answers });
  await rider.start();
  await rider.arrive(rider.view.shelf);
  await settle();
  assert.deepEqual(sent.slice(0, 2), [
    [10, "arrived"],
    [20, "arrived"],
  ]);
  await rider.undo();
  assert.deepEqual(
    rider.queue.entries.map(({ handoff, verb }) => [handoff, verb]),
    [
      [10, "not-arrived"],
      [20, "not-arrived"],
    ],
  );
});

test("an arrival that comes too late is no news to the rider", async () => {
  const refusal = { status: 409, body: { code: "stale", by: "Mei", at: "2026-02-06T04:00:30.000Z" } };
  const { rider } = page({ lists: [list(0, stop(1)), list(2)], answers: [refusal] });
  await rider.start();
  await rider.arrive(rider.view.shelf);
  await settle();
  assert.deepEqual([rider.notices, rider.queue.entries], [[], []]);
});

test("a conflict is told until it was seen, also after a reload", async () => {
  const refusal = { status: 409, body: { code: "stale", by: "Mei", at: "2026-02-06T04:00:30.000Z" } };
  const { rider, store } = page({ lists: [list(0, stop(1)), list(2)], answers: [refusal] });
  await rider.start();
  await rider.step(rider.view.shelf[0], "picked-up");
  await settle();
  assert.deepEqual([shown(rider), rider.notices.length, rider.queue.entries], [[[], []], 1, []]);
  const later = page({ store, lists: [list(3)] });
  await later.rider.start();
  const [{ id, entry, answer }] = later.rider.notices;
  assert.deepEqual([entry.verb, answer.body.by], ["picked-up", "Mei"]);
  later.rider.dismiss(id);
  assert.deepEqual([later.rider.notices, await store.fact("notices")], [[], []]);
});

test("when the link is over the list goes, what was tapped stays and goes out with the new link", async () => {
  const { rider, store } = page({ lists: [list(0, stop(1)), OVER] });
  await rider.start();
  await rider.step(rider.view.shelf[0], "picked-up");
  await rider.refresh();
  await settle();
  assert.deepEqual([rider.over, rider.list, rider.view.waiting], ["Scan the new one.", null, 1]);
  assert.equal(await store.fact("list"), null);
  const next = page({ store, lists: [list(60, stop(1))], answers: [list(61, stop(1, true))] });
  await next.rider.start();
  await settle();
  assert.deepEqual([next.rider.over, shown(next.rider), next.rider.view.waiting], ["", [[1], []], 0]);
});

test("a list of a shift that has ended is not shown", async () => {
  const store = new Memory();
  await store.setFact("list", { ...list(0, stop(1)), heard: START });
  const { rider, clock } = page({ store });
  clock.now = Date.parse("2026-02-06T16:00:01.000Z");
  await rider.start();
  assert.deepEqual([rider.list, rider.line], [null, "offline"]);
});

test("a number needs a network", async () => {
  const { rider } = page({ lists: [list(0, stop(1))] });
  await rider.start();
  assert.equal(await rider.phoneOf(rider.view.shelf[0]), null);
});
