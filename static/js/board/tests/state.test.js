/**
 * The reducer and the selectors. Under `make test` the server's own tests leave every case they prove in
 * the folder `PORTAL_FEED_CASES`, so that both sides agree on what a snapshot plus events comes to.
 */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  age,
  canMove,
  canPostpone,
  choiceTotals,
  columnOf,
  columns,
  cupsToMake,
  drinkTotals,
  EMPTY,
  leaks,
  minutesToClear,
  news,
  nextStep,
  ordersPerMinute,
  otherSteps,
  predict,
  reduce,
  search,
  stillWaiting,
  waveBars,
} from "../state.js";
import { at, card, delivery, events, intake, request, snapshot } from "./samples.js";

const FOLDER = process.env.PORTAL_FEED_CASES;

/* --- Old snapshot + frames = fresh snapshot ------------------------------------------------------ */

/** A state as a snapshot says it, in one order, without empty minutes. */
function comparable({ epoch, seq, store, cards, intake: level, wave }) {
  const sorted = [...cards.values()].sort((a, b) => a.id - b.id);
  const minutes = wave.filter(([, ...counts]) => counts.some(Boolean)).sort((a, b) => a[0] - b[0]);
  return { epoch, seq, store, cards: sorted, intake: level, wave: minutes };
}

function replay(before, frames) {
  return frames.reduce((state, frame) => {
    const { state: next, gap } = reduce(state, frame);
    assert.equal(gap, false);
    return next;
  }, reduce(EMPTY, before).state);
}

const shared = FOLDER
  ? readdirSync(FOLDER).map((file) => JSON.parse(readFileSync(join(FOLDER, file), "utf8")))
  : [];

test("the server's tests left their cases", { skip: !FOLDER && "PORTAL_FEED_CASES is not set" }, () => {
  assert.ok(shared.length > 20, `only ${shared.length} cases`);
});

for (const { name, before, frames, after } of shared) {
  test(`old snapshot and frames make the fresh snapshot: ${name}`, () => {
    assert.deepEqual(comparable(replay(before, frames)), comparable(reduce(EMPTY, after).state));
  });
}

test("an event puts its card on the board, replaces it, and takes it off", () => {
  const placed = card({ id: 7, state: "placed", number: "12" });
  const done = { ...placed, state: "delivered", on_board: false };
  const state = replay(snapshot({ seq: 4 }), [
    events(5, [{ kind: "order.placed", card: placed }]),
    events(6, [{ kind: "order.accepted", card: { ...placed, state: "accepted" } }]),
  ]);
  assert.equal(state.cards.get(7).state, "accepted");
  assert.equal(reduce(state, events(7, [{ kind: "order.delivered", card: done }])).state.cards.size, 0);
});

test("a new order counts once in the minute it was received, by who pays", () => {
  const free = card({ id: 1, funding: "free", received_at: at("10:00:59.500") });
  const state = replay(snapshot({ seq: 0, wave: [[minute("10:00"), 2, 0, 1]] }), [
    events(1, [{ kind: "order.placed", card: free }]),
    events(1, [{ kind: "order.placed", card: free }]),
  ]);
  assert.deepEqual(state.wave, [[minute("10:00"), 2, 0, 2]]);
});

test("a moved order leaves one wave and joins the other, unless its minute is past", () => {
  const moved = card({ id: 1, received_at: at("09:10"), on_board: false });
  const wave = [[minute("09:10"), 2, 0, 0]];
  const here = snapshot({ seq: 0, cards: [{ ...moved, on_board: true }], wave });
  const left = replay(here, [events(1, [{ kind: "order.moved", card: moved }])]);
  assert.deepEqual([left.cards.size, left.wave], [0, [[minute("09:10"), 1, 0, 0]]]);

  const come = (received) => {
    const arrived = card({ id: 2, received_at: at(received) });
    return replay(snapshot({ seq: 0 }), [events(1, [{ kind: "order.moved_in", card: arrived }])]).wave;
  };
  assert.deepEqual([come("09:10"), come("08:59")], [[[minute("09:10"), 1, 0, 0]], []]);
});

test("an intake event replaces the intake and leaves the cards alone", () => {
  const paused = intake({ level: "paused", version: 2 });
  const { state } = reduce(replay(snapshot({ seq: 1, cards: [card({ id: 1 })] }), []), {
    ...events(2, [{ kind: "intake.changed", intake: paused }]),
  });
  assert.deepEqual([state.intake, state.cards.size, state.seq], [paused, 1, 2]);
});

test("a missing number is a gap, and what came before it is kept", () => {
  const before = replay(snapshot({ seq: 4 }), []);
  const frame = events(5, [{ kind: "order.placed", card: card({ id: 1 }) }]);
  frame.events.push({ ...frame.events[0], seq: 7, card: card({ id: 2 }) });
  const { state, gap } = reduce(before, { ...frame, seq: 7 });
  assert.deepEqual([gap, state.seq, [...state.cards.keys()]], [true, 5, [1]]);
});

test("frames of another epoch and frames that end too early are gaps", () => {
  const before = replay(snapshot({ seq: 4 }), []);
  assert.equal(reduce(before, { ...events(5, []), epoch: "other" }).gap, true);
  assert.equal(reduce(before, { ...events(4, []), seq: 9 }).gap, true);
});

test("the reducer changes nothing it was given", () => {
  const before = replay(
    snapshot({ seq: 0, cards: [card({ id: 1 })], wave: [[minute("10:00"), 1, 0, 0]] }),
    [],
  );
  const copy = structuredClone(before);
  reduce(before, events(1, [{ kind: "order.placed", card: card({ id: 2 }) }]));
  assert.deepEqual(before, copy);
});

/* --- Columns and totals ---------------------------------------------------------------------------- */

test("cards stand by state, the longest there first; a cancelled one stays where it was", () => {
  const cards = [
    card({ id: 1, state: "placed", placed_at: at("10:02") }),
    card({ id: 2, state: "held", placed_at: at("10:01") }),
    card({ id: 3, state: "accepted", placed_at: at("10:00") }),
    card({ id: 4, state: "making", started_at: at("10:05") }),
    card({ id: 5, state: "cancelled", started_at: at("10:04"), ready_at: at("10:06") }),
    card({ id: 6, state: "collected", fulfilment: "store_courier", collected_at: at("10:07") }),
    card({ id: 7, state: "cancelled" }),
  ];
  const ids = Object.fromEntries(
    Object.entries(columns(cards)).map(([name, list]) => [name, list.map((c) => c.id)]),
  );
  assert.deepEqual(ids, { waiting: [3, 7, 2, 1], making: [4], ready: [5], away: [6] });
});

test("on the shelf what needs a hand stands first, each group oldest first", () => {
  const ready = (id, delivery, more = {}) =>
    card({ id, state: "ready", fulfilment: "store_courier", ready_at: at(`10:0${id}`), delivery, ...more });
  const search = (state) => ({ state: "", search: { state, tried: [] } });
  const cards = [
    ready(1, { state: "confirmed", progress: "assigned" }),
    ready(2, { state: "unknown", progress: "" }),
    ready(3, search("seeking")),
    ready(4, search("idle")),
    ready(5, { state: "confirmed", progress: "at_store" }),
    ready(6, null, { fulfilment: "pickup" }),
    ready(7, { state: "unknown", progress: "", asks: { since: at("10:05") } }),
    ready(8, search("nobody")),
    ready(9, null),
  ];
  const ids = (list) => columns(list).ready.map(({ id }) => id);
  assert.deepEqual(ids(cards.toReversed()), [4, 5, 7, 8, 9, 1, 2, 3, 6]);
  const moved = cards.map((one) => ({ ...one, state: "making", started_at: one.ready_at }));
  assert.deepEqual(
    columns(moved).making.map(({ id }) => id),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
});

test("who waits for an answer stands on the board although the order is gone", () => {
  const asks = { request: request({ about: "refund" }) };
  assert.equal(columnOf(card({ state: "delivered", ...asks })), "away");
  assert.equal(nextStep(card({ state: "cancelled", ...asks })), null);
  const collected = predict(card({ state: "ready", ...asks }), "collect", at("10:00"));
  assert.equal(collected.on_board, true);
});

test("a rejected card stands nowhere", () => {
  assert.equal(columnOf(card({ state: "rejected" })), null);
});

test("minutes to clear counts every cup that is not made yet, rounded up", () => {
  const cards = [
    card({ cups: 3, state: "held" }),
    card({ cups: 2, state: "making" }),
    card({ cups: 9, state: "ready" }),
  ];
  assert.deepEqual([cupsToMake(cards), minutesToClear(cards, 120), minutesToClear([], 120)], [5, 3, 0]);
});

test("totals count quantities of what is still to make, most first", () => {
  const milk = { name: "Milk tea", quantity: 2, options: [{ name: "Ice", value: "less ice" }] };
  const lemon = { name: "Lemon", quantity: 3, options: [] };
  const cards = [
    card({ lines: [milk, lemon] }),
    card({ lines: [milk] }),
    card({ state: "ready", lines: [lemon] }),
  ];
  assert.deepEqual(drinkTotals(cards), [
    { name: "Milk tea", count: 4 },
    { name: "Lemon", count: 3 },
  ]);
  assert.deepEqual(choiceTotals(cards), [{ name: "less ice", count: 4 }]);
});

test("the wave has a bar for every minute up to now", () => {
  const bars = waveBars([[minute("10:00"), 1, 2, 3]], Date.parse(at("10:01:30")), 3);
  assert.deepEqual(
    bars.map(({ minute: start, total }) => [start, total]),
    [
      [minute("09:59"), 0],
      [minute("10:00"), 6],
      [minute("10:01"), 0],
    ],
  );
});

test("the pace in orders follows the cups an order has", () => {
  assert.equal(ordersPerMinute([card({ cups: 3 }), card({ cups: 1 })], 120), 1);
  assert.equal(ordersPerMinute([], 120), 2);
});

test("leaks add up over the channels", () => {
  assert.equal(leaks(intake({ channels: [{ leaked: 2 }, { leaked: 3 }] })), 5);
});

test("search finds by number first, then by guest and drink", () => {
  const cards = [
    card({ id: 1, number: "112" }),
    card({ id: 2, number: "12" }),
    card({ id: 3, number: "9", customer: { name: "Room 12", phone_mask: "", address: "" } }),
  ];
  assert.deepEqual(
    search(cards, " #12").map(({ id }) => id),
    [2, 1, 3],
  );
  assert.deepEqual(search(cards, "  "), []);
});

/* --- One card ---------------------------------------------------------------------------------------- */

const NOW = Date.parse(at("10:10"));

test("age: with a promise by the promise, without by the wait", () => {
  const level = (fields) => age(card({ placed_at: at("10:00"), ...fields }), NOW).level;
  assert.equal(level({ promised_at: at("10:30") }), "calm");
  assert.equal(level({ promised_at: at("10:15") }), "soon");
  assert.equal(level({ promised_at: at("10:10") }), "late");
  assert.equal(level({ placed_at: at("10:03") }), "calm");
  assert.equal(level({ placed_at: at("10:02") }), "soon");
  assert.equal(level({ placed_at: at("09:55") }), "late");
  assert.equal(level({ placed_at: at("09:00"), state: "cancelled" }), "calm");
});

test("on the shelf the time since it is ready counts", () => {
  assert.equal(age(card({ state: "ready", placed_at: at("09:00"), ready_at: at("10:09") }), NOW).seconds, 60);
});

test("the next step follows state, fulfilment and rider", () => {
  const step = (fields) => nextStep(card(fields));
  const store = { fulfilment: "store_courier" };
  assert.deepEqual(
    ["held", "placed", "accepted", "making", "ready", "cancelled", "delivered"].map((state) =>
      step({ state }),
    ),
    ["accept", "accept", "start", "ready", "collect", "dismiss", null],
  );
  assert.equal(step({ state: "ready", ...store }), "handoff");
  assert.equal(step({ state: "ready", ...store, delivery: delivery({ state: "failed" }) }), "handoff");
  assert.equal(
    step({ state: "ready", ...store, delivery: delivery({ carrier: "own" }) }),
    "handoff/picked-up",
  );
  assert.equal(step({ state: "ready", ...store, delivery: delivery({ carrier: "dada" }) }), null);
  assert.equal(
    step({ state: "collected", ...store, delivery: delivery({ carrier: "own" }) }),
    "handoff/delivered",
  );
  assert.equal(step({ state: "collected", ...store, delivery: delivery({ carrier: "dada" }) }), null);
});

test("the platform's rider is not ours to call off, nor does a hand-off end with them", () => {
  const theirs = { fulfilment: "platform_courier", delivery: delivery({ carrier: "platform" }) };
  const ready = card({ state: "ready", ...theirs });
  assert.deepEqual([nextStep(ready), otherSteps(ready)], ["collect", ["cancel"]]);
});

test("an order can be moved before it is made, if nobody comes for it to this store", () => {
  const told = new Set(["order.self_delivery"]);
  const can = (fields, hears = told) => canMove(card({ fulfilment: "store_courier", ...fields }), hears);
  assert.deepEqual(
    ["held", "placed", "accepted", "making", "cancelled"].map((state) => can({ state })),
    [true, true, true, false, false],
  );
  assert.equal(can({ fulfilment: "pickup" }), false);
  assert.equal(can({ delivery: delivery({ carrier: "own" }) }), false);
  assert.equal(can({ delivery: delivery({ state: "failed" }) }), true);
  const theirs = { fulfilment: "platform_courier", delivery: delivery({ carrier: "platform" }) };
  assert.deepEqual([can(theirs), can(theirs, new Set())], [true, false]);
});

test("what is not ready yet can take longer", () => {
  const states = ["held", "placed", "accepted", "making", "ready", "delivered"];
  assert.deepEqual(
    states.map((state) => canPostpone(card({ state }))),
    [true, true, true, true, false, false],
  );
});

test("rarer steps are offered only where they are possible", () => {
  const steps = (fields) => otherSteps(card(fields));
  assert.deepEqual(steps({ state: "placed" }), ["reject", "cancel"]);
  assert.deepEqual(steps({ state: "making" }), ["cancel"]);
  assert.deepEqual(steps({ state: "ready" }), ["cancel"]);
  assert.deepEqual(steps({ state: "ready", fulfilment: "store_courier", delivery: delivery({}) }), [
    "handoff/cancel",
    "handoff/instead",
    "collect",
    "cancel",
  ]);
  assert.deepEqual(steps({ state: "collected" }), ["recall", "deliver", "cancel"]);
  assert.deepEqual(steps({ state: "cancelled" }), []);
});

test("a pressed step is shown before the server has it, and can be taken back", () => {
  const before = card({ id: 1, state: "accepted" });
  const started = predict(before, "start", at("10:00"));
  assert.deepEqual([started.state, started.started_at, started.undo.to], ["making", at("10:00"), "accepted"]);
  assert.equal(predict(started, "undo", at("10:01")).state, "accepted");
  assert.equal(predict(card({ state: "ready" }), "collect", at("10:00")).on_board, false);
  assert.equal(
    predict(card({ state: "ready", fulfilment: "store_courier" }), "collect", at("10:00")).on_board,
    true,
  );
  assert.equal(predict(card({ state: "making" }), "cancel", at("10:00")).on_board, true);
  assert.equal(predict(card({ state: "cancelled" }), "dismiss", at("10:00")).on_board, false);
  const recalled = predict(card({ state: "collected", ready_at: at("09:50") }), "recall", at("10:00"));
  assert.deepEqual([recalled.state, recalled.ready_at], ["ready", at("09:50")]);
});

/* --- What deserves a sound --------------------------------------------------------------------------- */

const QUIET = { arrived: [], cancelled: [], riders: [], urged: [], asked: [], nobody: [], asks: [] };

test("opening the board rings only for what nobody has accepted", () => {
  const after = replay(
    snapshot({ cards: [card({ id: 1, state: "accepted" }), card({ id: 2, state: "placed" })] }),
    [],
  );
  assert.deepEqual(news(EMPTY, after), { ...QUIET, arrived: [2] });
});

test("news are arrivals, cancellations, riders at the counter, urging and asking guests", () => {
  const shelf = { state: "ready", fulfilment: "store_courier" };
  const before = replay(
    snapshot({
      cards: [
        card({ id: 1 }),
        card({ id: 2, ...shelf, delivery: delivery({}) }),
        card({ id: 3 }),
        card({ id: 5, request: request({}) }),
        card({ id: 6 }),
      ],
    }),
    [],
  );
  const here = card({ id: 2, ...shelf, delivery: delivery({ progress: "at_store" }) });
  const changed = [
    card({ id: 1, state: "cancelled" }),
    here,
    card({ id: 3, urges: 1 }),
    card({ id: 4 }),
    card({ id: 5, request: request({}) }),
    card({ id: 6, request: request({}) }),
  ];
  const after = replay(snapshot({ seq: 9, cards: changed }), []);
  const found = { ...QUIET, arrived: [4], cancelled: [1], riders: [2], urged: [3], asked: [6] };
  assert.deepEqual(news(before, after), found);
});

function minute(time) {
  return Date.parse(at(time)) / 1000;
}

test("what somebody has begun is not new any more", () => {
  const cards = new Map([
    [1, card({ id: 1, state: "accepted" })],
    [2, card({ id: 2, state: "making" })],
  ]);

  assert.deepEqual(stillWaiting(new Set([1, 2, 3]), cards), new Set([1]));
});
