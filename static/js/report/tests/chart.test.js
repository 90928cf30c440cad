/** What the chart says and stacks; drawing itself is seen in the browser tests. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { keyOf, stacked, ticks, wholeSteps } from "../chart.js";

const DATA = {
  labels: ["10:00", "11:00"],
  days: null,
  series: [
    { name: "Paid", colour: "paid", values: [1, 2], total: 3 },
    { name: "Free", colour: "free", values: [4, 0], total: 4 },
  ],
};

test("series stand upon each other, the tallest drawn first", () => {
  assert.deepEqual(
    stacked([
      [1, 2],
      [4, 0],
      [0, 5],
    ]),
    [
      [5, 7],
      [5, 2],
      [1, 2],
    ],
  );
  assert.deepEqual(stacked([]), []);
});

test("the key tells the bar under the pointer, the first one too, and else the whole period", () => {
  assert.deepEqual(keyOf(DATA, "Orders per hour", 0), {
    heading: "Orders per hour · 10:00",
    numbers: [1, 4, 5],
  });
  assert.deepEqual(keyOf(DATA, "Orders per hour", null), { heading: "Orders per hour", numbers: [3, 4, 7] });
  assert.deepEqual(keyOf(DATA, "Orders per hour", undefined), {
    heading: "Orders per hour",
    numbers: [3, 4, 7],
  });
});

test("hours stand under the bars as they are, days as short as the language writes them", () => {
  assert.deepEqual(ticks(DATA, "en"), ["10:00", "11:00"]);
  assert.deepEqual(ticks({ ...DATA, days: ["2026-02-06"] }, "en"), ["Feb 6"]);
  assert.deepEqual(ticks({ ...DATA, days: ["2026-02-06"] }, "zh-hans"), ["2月6日"]);
});

test("there are no half orders", () => {
  assert.deepEqual(wholeSteps([0, 0.5, 1, 1500], new Intl.NumberFormat("de")), ["0", null, "1", "1.500"]);
});
