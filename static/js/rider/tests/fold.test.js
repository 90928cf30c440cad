/** The list with what the portal has not heard of yet. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { bagsFor, fold, hereSince, unannounced } from "../fold.js";

const bag = (handoff, picked_up = false) => ({ handoff, bag: 1, bags: 1, code: "", picked_up });
const stop = (order, ...bags) => ({ order, number: String(order), state: "ready", bags });
const entry = (handoff, verb, more = {}) => ({ handoff, verb, tap: `${handoff}${verb}`, ...more });
const orders = (stops) => stops.map(({ order }) => order);
const summary = ({ way, shelf, delivered, waiting }) => [orders(way), orders(shelf), delivered, waiting];

const list = { delivered: 3, stops: [stop(1, bag(11, true)), stop(2, bag(21)), stop(3, bag(31), bag(32))] };

test("as the portal says it, when nothing waits", () => {
  assert.deepEqual(summary(fold(list, [])), [[1], [2, 3], 3, 0]);
  assert.equal(fold(list, []).way[0].pending, false);
});

test("a pick-up moves the stop to the road, and back again when it is taken back", () => {
  const away = entry(21, "picked-up");
  assert.deepEqual(summary(fold(list, [away])), [[1, 2], [3], 3, 1]);
  assert.deepEqual(summary(fold(list, [away, entry(21, "not-picked-up")])), [[1], [2, 3], 3, 2]);
});

test("an order is on the road when all its bags are", () => {
  const view = fold(list, [entry(31, "picked-up")]);
  assert.deepEqual(orders(view.shelf), [2, 3]);
  assert.deepEqual(
    view.shelf[1].bags.map(({ picked_up }) => picked_up),
    [true, false],
  );
  assert.equal(view.shelf[1].pending, true);
});

test("whoever is at the store is there for every bag that waits, until that is taken back", () => {
  const at = Date.parse("2026-02-06T04:00:00.000Z");
  const here = [entry(21, "arrived", { at }), entry(31, "arrived", { at: at + 1_000 })];
  assert.deepEqual(orders(unannounced(fold(list, []).shelf)), [2, 3]);
  const { shelf } = fold(list, here);
  assert.deepEqual([orders(unannounced(shelf)), hereSince(shelf)], [[3], "2026-02-06T04:00:00.000Z"]);
  const back = fold(list, [...here, entry(21, "not-arrived", { at })]).shelf;
  assert.deepEqual([orders(unannounced(back)), hereSince(fold(list, []).shelf)], [[2, 3], null]);
});

test("nobody waits for what was cancelled", () => {
  const shelf = [{ ...stop(1, bag(11)), state: "cancelled" }, stop(2, bag(21, true), bag(22))];
  assert.deepEqual(orders(unannounced(shelf)), [2]);
});

test("a proof stays on its stop", () => {
  const [first] = fold(list, [entry(11, "proof", { body: { photo: null } })]).way;
  assert.deepEqual([first.proven, first.order], [true, 1]);
  const arrived = { ...list, stops: [{ ...list.stops[0], proven: true }] };
  assert.equal(fold(arrived, []).way[0].proven, true);
});

test("what is delivered leaves the list and counts", () => {
  assert.deepEqual(summary(fold(list, [entry(11, "delivered")])), [[], [2, 3], 4, 1]);
});

test("of two bags one delivered leaves the other", () => {
  const view = fold(list, [entry(31, "delivered")]);
  assert.deepEqual([view.shelf[1].bags.length, view.delivered], [1, 3]);
});

test("what is given back leaves the list and does not count", () => {
  assert.deepEqual(summary(fold(list, [entry(21, "given-back")])), [[1], [3], 3, 1]);
});

test("a problem stays on the stop; two bags of one tap wait as one", () => {
  const body = { code: "absent", note: "", photo: null };
  const both = [entry(31, "picked-up", { tap: "a" }), entry(32, "picked-up", { tap: "a" })];
  const view = fold(list, [entry(11, "problem", { body }), ...both]);
  assert.deepEqual([view.way[0].reported, view.waiting], ["absent", 2]);
});

test("what concerns no bag of the list only waits", () => {
  assert.deepEqual(summary(fold(list, [entry(99, "delivered")])), [[1], [2, 3], 3, 1]);
  assert.deepEqual(summary(fold(null, [entry(99, "delivered")])), [[], [], 0, 1]);
});

test("the list itself is never changed", () => {
  const before = JSON.stringify(list);
  fold(list, [entry(11, "delivered"), entry(21, "picked-up")]);
  assert.equal(JSON.stringify(list), before);
});

test("what is on the road is not declined with what is on the shelf", () => {
  const [gone, here] = [
    { handoff: 1, picked_up: true },
    { handoff: 2, picked_up: false },
  ];
  assert.deepEqual(bagsFor({ bags: [gone, here] }, "given-back"), [here]);
  assert.deepEqual(bagsFor({ bags: [gone, here] }, "picked-up"), [here]);
  assert.deepEqual(bagsFor({ bags: [gone] }, "given-back"), [gone]);
  assert.deepEqual(bagsFor({ bags: [gone, here] }, "delivered"), [gone, here]);
});
