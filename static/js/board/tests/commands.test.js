/** Kept commands: nothing pressed is lost, nothing is done twice, order within an order is kept. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Commands, cookie, outcome, reader } from "../commands.js";

/** Storage as the browser has it: entries are own keys. */
function storage(entries = {}) {
  const store = { ...entries };
  const methods = {
    getItem: (key) => store[key] ?? null,
    setItem: (key, value) => {
      store[key] = value;
    },
    removeItem: (key) => {
      delete store[key];
    },
  };
  return new Proxy(store, { get: (target, key) => methods[key] ?? target[key] });
}

function kept(answers, place = storage()) {
  const told = [];
  const sent = [];
  const bodies = [];
  const timers = [];
  let number = 0;
  const commands = new Commands({
    scope: "c.1.2.",
    storage: place,
    send: async ({ path, key, body }) => {
      sent.push([path, key]);
      bodies.push(body);
      const answer = answers.shift() ?? 503;
      if (answer === "network") throw new TypeError("no network");
      return { status: answer, body: {} };
    },
    settled: (entry, { status }) => told.push([entry.verb, status]),
    changed: () => {},
    env: {
      now: () => 1_000 + number,
      uuid: () => {
        number += 1;
        return `key-${number}`;
      },
      setTimeout: (run) => timers.push(run),
    },
  });
  return { commands, told, sent, bodies, timers, place };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("a step goes out under its own key and is forgotten when the server has it", async () => {
  const { commands, told, sent, place } = kept([200]);
  commands.keep({ order: 5, number: "12", verb: "accept" });
  assert.equal(Object.keys(place).length, 1);
  await settle();
  assert.deepEqual(sent, [["/orders/5/accept", "key-1"]]);
  assert.deepEqual(told, [["accept", 200]]);
  assert.deepEqual([commands.entries, Object.keys(place)], [[], []]);
});

test("what could not be sent is kept and repeated under the same key", async () => {
  const { commands, sent, timers, place } = kept(["network", 502, 200]);
  commands.keep({ order: 5, number: "12", verb: "accept" });
  await settle();
  assert.equal(commands.entries.length, 1);
  timers.shift()();
  await settle();
  timers.shift()();
  await settle();
  assert.deepEqual(
    sent.map(([, key]) => key),
    ["key-1", "key-1", "key-1"],
  );
  assert.deepEqual(Object.keys(place), []);
});

test("two steps of one order keep their sequence, other orders do not wait", async () => {
  const { commands, sent } = kept([200, 200, 200]);
  commands.keep({ order: 5, number: "12", verb: "accept" });
  commands.keep({ order: 5, number: "12", verb: "start" });
  commands.keep({ order: 6, number: "13", verb: "accept" });
  await settle();
  assert.deepEqual(
    sent.map(([path]) => path),
    ["/orders/5/accept", "/orders/6/accept", "/orders/5/start"],
  );
});

test("an answer to a guest is kept and sent like a step, with what it says", async () => {
  const { commands, sent, bodies, timers } = kept(["network", 200]);
  commands.keep({ order: 5, number: "12", verb: "request", body: { answer: "refuse", reason: "made" } });
  await settle();
  assert.equal(commands.withdraw(5), false);
  timers.shift()();
  await settle();
  assert.deepEqual(sent, [
    ["/orders/5/request", "key-1"],
    ["/orders/5/request", "key-1"],
  ]);
  assert.deepEqual(bodies, Array(2).fill({ answer: "refuse", reason: "made" }));
});

test("undo takes back no answer that waits behind a step", () => {
  const { commands } = kept([]);
  commands.signedOut = true;
  commands.keep({ order: 5, number: "12", verb: "urge", body: { answer: "making", text: "" } });
  assert.deepEqual([commands.withdraw(5), commands.entries.length], [false, 1]);
});

test("what an earlier version of the board kept is sent with its reason", async () => {
  const old = { key: "a", order: 5, number: "12", verb: "reject", reason: "Sold out", at: 1, tries: 1 };
  const { commands, bodies } = kept([200], storage({ "c.1.2.a": JSON.stringify(old) }));
  commands.drain();
  await settle();
  assert.deepEqual(bodies, [{ reason: "Sold out" }]);
});

test("a refusal is told and not repeated", async () => {
  const { commands, told } = kept([409]);
  commands.keep({ order: 5, number: "12", verb: "accept" });
  await settle();
  assert.deepEqual([told, commands.entries], [[["accept", 409]], []]);
});

test("signed out: everything is kept and nothing more is sent", async () => {
  const { commands, sent } = kept([403]);
  commands.keep({ order: 5, number: "12", verb: "accept" });
  await settle();
  commands.keep({ order: 6, number: "13", verb: "accept" });
  await settle();
  assert.deepEqual([commands.signedOut, sent.length, commands.entries.length], [true, 1, 2]);
});

test("after a reload the kept steps go out, oldest first; foreign and broken entries stay out", async () => {
  const entry = (key, at) => JSON.stringify({ key, order: 5, number: "12", verb: "accept", at, tries: 1 });
  const place = storage({
    "c.1.2.b": entry("b", 2),
    "c.1.2.a": entry("a", 1),
    "c.1.9.c": entry("c", 0),
    "c.1.2.broken": "{",
  });
  const { commands, sent } = kept([200, 200], place);
  commands.drain();
  await settle();
  assert.deepEqual(
    sent.map(([, key]) => key),
    ["a", "b"],
  );
});

test("a step that never left the device can be withdrawn, one that may have left cannot", async () => {
  const { commands } = kept([]);
  commands.signedOut = true;
  commands.keep({ order: 5, number: "12", verb: "accept" });
  assert.equal(commands.withdraw(5), true);
  assert.equal(commands.withdraw(5), false);
  commands.signedOut = false;
  commands.keep({ order: 6, number: "13", verb: "accept" });
  await settle();
  assert.equal(commands.withdraw(6), false);
});

test("a full storage does not stop the counter", async () => {
  const place = storage();
  const full = new Proxy(place, {
    get: (target, key) =>
      key === "setItem"
        ? () => {
            throw new Error("full");
          }
        : target[key],
  });
  const { commands, told } = kept([200], full);
  commands.keep({ order: 5, number: "12", verb: "accept" });
  await settle();
  assert.deepEqual(told, [["accept", 200]]);
});

test("what a status means", () => {
  const meanings = [200, 401, 403, 404, 408, 409, 422, 429, 500, 503].map(outcome);
  const out = "signed-out";
  assert.deepEqual(meanings, [
    "done",
    out,
    out,
    "refused",
    "retry",
    "refused",
    "refused",
    "retry",
    "retry",
    "retry",
  ]);
});

test("a cookie is found by its whole name", () => {
  assert.equal(cookie("csrftoken", "xcsrftoken=no; csrftoken=a%3Db; other=1"), "a=b");
  assert.equal(cookie("csrftoken", ""), "");
});

function reading(status, body, headers = {}) {
  const answer = new Response(body, { status, headers });
  return reader({ api: "/api", fetch: async (address) => (address === "/api/prices" ? answer : null) });
}

test("a read gives what was answered, and nothing when it failed", async () => {
  assert.deepEqual(await reading(200, '{"fee": 850}')("/prices"), { fee: 850 });
  assert.equal(await reading(503, "{}")("/prices"), null);
  const offline = reader({ api: "", fetch: async () => Promise.reject(new TypeError("offline")) });
  assert.equal(await offline("/prices"), null);
});

test("a read that came too often says why, and when it may come again", async () => {
  const told = (body, headers) => reading(429, body, headers)("/prices", (refusal) => refusal);
  assert.deepEqual(await told('{"detail": "Too often."}', { "Retry-After": "40" }), {
    detail: "Too often.",
    wait: 40,
  });
  assert.deepEqual(await told("<html>"), { detail: "", wait: 60 });
  assert.equal(await reading(429, "{}")("/prices"), null);
});
