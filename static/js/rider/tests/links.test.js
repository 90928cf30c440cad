/** Links into the phone's apps, and the size of photos. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { callLink, mapLink } from "../links.js";
import { within } from "../photo.js";

test("a number is dialled, its extension after a pause", () => {
  const numbers = ["138 0000 0000", "+49 (30) 123-45", "13812345678_2041", "13812345678,2041", "138转55#"];
  assert.deepEqual(numbers.map(callLink), [
    "tel:13800000000",
    "tel:+493012345",
    "tel:13812345678,2041",
    "tel:13812345678,2041",
    "tel:138,55",
  ]);
});

test("a place opens in the phone's own map, named, and says nothing if nobody knows it", () => {
  const stop = { latitude: 31.235, longitude: 121.48, address: "8 Lotus Road (rear) & more" };
  assert.equal(mapLink(stop), "geo:31.235,121.48?q=31.235,121.48(8%20Lotus%20Road%20rear%20%26%20more)");
  assert.equal(mapLink({ ...stop, latitude: null }), "");
  assert.equal(mapLink({ ...stop, latitude: 0 }).slice(0, 13), "geo:0,121.48?");
});

test("a photo is made smaller, never larger", () => {
  assert.deepEqual(within(4_000, 3_000), { width: 1_280, height: 960 });
  assert.deepEqual(within(640, 480), { width: 640, height: 480 });
  assert.deepEqual(within(10_000, 1), { width: 1_280, height: 1 });
});
