/** What a rider tapped: nothing is lost, nothing is sent too early, order within an order is kept. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { outcome, Queue } from "../queue.js";
import { Memory } from "../store.js";

const settle = () => new Promise((resolve) => setImmediate(resolve));

function kept(answers, store = new Memory()) {
  const told = [];
  const sent = [];
  const timers = [];
  const clock = { now: 1_000, number: 0 };
  const queue = new Queue({
    store,
    send: async ({ handoff, verb, key }) => {
      sent.push([handoff, verb, key]);
      const answer = (await answers.shift()) ?? 503;
      if (answer === "network") throw new TypeError("no network");
      return { status: answer, body: {} };
    },
    settled: ({ handoff, verb }, { status }) => told.push([handoff, verb, status]),
    changed: () => {},
    env: {
      now: () => clock.now,
      uuid: () => {
        clock.number += 1;
        return `key-${clock.number}`;
      },
      setTimeout: (run, wait) => timers.push([wait, run]),
      clearTimeout: () => {},
    },
  });
  return { queue, told, sent, timers, clock, store };
}

const bag = (handoff, verb, order = handoff) => ({ order, number: String(order), handoff, verb });

test("a tap goes out under its own key and is forgotten when the portal has it", async () => {
  const { queue, told, sent, store } = kept([200]);
  await queue.keep([bag(5, "picked-up")]);
  await settle();
  assert.deepEqual(sent, [[5, "picked-up", "key-2"]]);
  assert.deepEqual(told, [[5, "picked-up", 200]]);
  assert.deepEqual([queue.entries, await store.entries()], [[], []]);
});

test("without a network it is repeated under the same key until the portal answers", async () => {
  const { queue, sent, timers, clock } = kept(["network", 502, 200]);
  await queue.keep([bag(5, "picked-up")]);
  for (let round = 0; round < 2; round += 1) {
    await settle();
    clock.now += 3_000;
    timers.pop()[1]();
  }
  await settle();
  assert.deepEqual(
    sent.map(([, , key]) => key),
    ["key-2", "key-2", "key-2"],
  );
  assert.deepEqual(queue.entries, []);
});

test("after a reload, what was tapped goes out in the order it was tapped", async () => {
  const { queue, store, clock } = kept(["network", "network"]);
  await queue.keep([bag(5, "picked-up")]);
  await settle();
  clock.now += 60_000;
  await queue.keep([bag(5, "delivered")], { holdMs: 8_000 });
  await settle();
  const later = kept([200, 200], store);
  later.clock.now = clock.now + 30_000;
  await later.queue.load();
  await settle();
  await settle();
  assert.deepEqual(
    later.sent.map(([, verb]) => verb),
    ["picked-up", "delivered"],
  );
  assert.deepEqual(await store.entries(), []);
});

test("what cannot be taken back once it is sent waits a while", async () => {
  const { queue, sent, timers, clock } = kept([200]);
  await queue.keep([bag(5, "delivered")], { holdMs: 8_000 });
  await settle();
  assert.deepEqual([sent, timers.at(-1)[0]], [[], 8_000]);
  clock.now += 8_000;
  timers.at(-1)[1]();
  await settle();
  assert.equal(sent.length, 1);
});

test("what waits holds up nothing but its own order", async () => {
  const { queue, sent } = kept([200, 200]);
  await queue.keep([bag(5, "delivered")], { holdMs: 8_000 });
  await queue.keep([bag(5, "problem")]);
  await queue.keep([bag(6, "picked-up")]);
  await settle();
  assert.deepEqual(
    sent.map(([handoff]) => handoff),
    [6],
  );
});

test("a proof holds up no step of its order, and goes out after the others", async () => {
  const { queue, sent } = kept(["network", 200, 200, 200]);
  await queue.keep([bag(5, "picked-up")]);
  await settle();
  await queue.keep([bag(6, "proof")]);
  await queue.keep([bag(6, "delivered")]);
  await queue.drain();
  for (let turn = 0; turn < 5; turn += 1) await settle();
  assert.deepEqual(
    sent.map(([handoff, verb]) => `${handoff} ${verb}`),
    ["5 picked-up", "5 picked-up", "6 delivered", "6 proof"],
  );
});

test("taps of the same moment keep their order over a reload", async () => {
  const { queue, store } = kept(["network"]);
  for (const verb of ["picked-up", "problem", "given-back"]) await queue.keep([bag(5, verb)]);
  const entries = (await store.entries()).sort((a, b) => a.at - b.at);
  assert.deepEqual(
    entries.map(({ verb, at }) => [verb, at]),
    [
      ["picked-up", 1_000],
      ["problem", 1_001],
      ["given-back", 1_002],
    ],
  );
});

test("a tap that has not left the phone is taken back with all its bags", async () => {
  const { queue, sent, store } = kept([]);
  const tap = await queue.keep([bag(5, "delivered", 1), bag(6, "delivered", 1)], { holdMs: 8_000 });
  assert.deepEqual(queue.withdraw(tap), []);
  await settle();
  assert.deepEqual([queue.entries, sent, await store.entries()], [[], [], []]);
});

test("a tap that may have arrived cannot be taken back", async () => {
  const { queue } = kept(["network"]);
  const tap = await queue.keep([bag(5, "picked-up")]);
  await settle();
  assert.deepEqual(
    queue.withdraw(tap).map(({ verb }) => verb),
    ["picked-up"],
  );
  assert.equal(queue.entries.length, 1);
});

test("when the page goes to sleep nothing waits any longer", async () => {
  const { queue, sent } = kept([200]);
  await queue.keep([bag(5, "delivered")], { holdMs: 8_000 });
  queue.flush();
  await settle();
  assert.deepEqual(sent.length, 1);
});

test("a refusal is told once and not repeated", async () => {
  const { queue, told } = kept([409]);
  await queue.keep([bag(5, "delivered")]);
  await settle();
  assert.deepEqual([told, queue.entries], [[[5, "delivered", 409]], []]);
});

test("with a link that is over everything is kept for the next one", async () => {
  const { queue, sent, store } = kept([410]);
  await queue.keep([bag(5, "picked-up")]);
  await settle();
  await queue.keep([bag(6, "picked-up")]);
  await settle();
  assert.deepEqual([queue.over, sent.length, (await store.entries()).length], [true, 1, 2]);
});

test("a full phone does not stop the rider", async () => {
  const full = new Memory();
  full.put = async () => {
    throw new Error("full");
  };
  const { queue, told } = kept([200], full);
  await queue.keep([bag(5, "picked-up")]);
  await settle();
  assert.deepEqual(told, [[5, "picked-up", 200]]);
});

test("what a status means", () => {
  const meanings = [200, 404, 408, 409, 410, 413, 422, 429, 500, 503].map(outcome);
  const [no, again] = ["refused", "retry"];
  assert.deepEqual(meanings, ["done", no, again, no, "over", no, no, again, again, again]);
});

test("a photo that is under way holds up no step, and what is held meanwhile is woken", async () => {
  const { queue, sent, timers, clock } = kept([new Promise(() => {}), 200]);
  await queue.keep([bag(5, "proof")]);
  await settle();
  await queue.keep([bag(6, "delivered")], { holdMs: 8_000 });
  await settle();
  clock.now += 8_000;
  timers.at(-1)[1]();
  await settle();
  assert.deepEqual(
    sent.map(([handoff, verb]) => `${handoff} ${verb}`),
    ["5 proof", "6 delivered"],
  );
  assert.deepEqual(
    queue.entries.map(({ verb }) => verb),
    ["proof"],
  );
});
