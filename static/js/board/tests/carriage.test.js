/** Who carries an order: what the card offers, what rings, which bag belongs to a code, and in which words. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  alarms,
  asksPerson,
  bagBody,
  bagOf,
  bagsGone,
  byCode,
  canHandOff,
  carriageNews,
  carrierBody,
  carrierSteps,
  choices,
  deliveryOf,
  inDoubt,
  mustCallOff,
  nobodyCarries,
  predictCarriage,
  riderHere,
  ridersHere,
  searching,
  secondsUntil,
  suggestion,
} from "../carriage.js";
import { needsEye } from "../guests.js";
import { nextStep, otherSteps, search } from "../state.js";
import { at, card, delivery } from "./samples.js";

globalThis.document = { documentElement: { lang: "en" } };
globalThis.gettext = (text) => text;
globalThis.ngettext = (one, many, count) => (count === 1 ? one : many);
globalThis.interpolate = (text, values) => text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);
const words = await import("../carriage-words.js");

const shelf = (fields, more = {}) =>
  card({ state: "ready", fulfilment: "store_courier", delivery: fields && delivery(fields), ...more });
const nobodyYet = { handoff: null, carrier: "", state: "", progress: "" };
const looking = (state, more = {}) => ({
  state,
  automatic: true,
  accept_by: null,
  tried: [],
  reason: "",
  ...more,
});
const DADA = {
  key: "courier:3",
  kind: "courier",
  name: "Dada",
  why: { code: "cheapest" },
  fee: 820,
  minutes: 25,
};

test("a suggestion is offered while nobody carries it and nobody is asked", () => {
  const cards = [
    shelf({ ...nobodyYet, suggestion: DADA }),
    shelf({ ...nobodyYet, suggestion: DADA, search: looking("seeking") }),
    shelf({ state: "sent", suggestion: DADA }),
    shelf(null),
    shelf({ ...nobodyYet, suggestion: DADA }, { state: "delivered" }),
    shelf({ ...nobodyYet, suggestion: DADA }, { fulfilment: "pickup" }),
  ];
  assert.deepEqual(cards.map(suggestion), [DADA, null, null, null, null, null]);
  assert.deepEqual(cards.map(canHandOff), [true, false, false, true, false, false]);
});

test("the next step from the shelf: hand off, an own rider leaves, or the bag is given to who is here", () => {
  const steps = [
    shelf({ ...nobodyYet, search: looking("seeking") }),
    shelf({ ...nobodyYet, search: looking("nobody") }),
    shelf({ state: "sent", search: looking("offered") }),
    shelf({ carrier: "own" }),
    shelf({ progress: "at_store" }),
    shelf({ progress: "at_store", bags: 2 }),
    shelf({ progress: "assigned" }),
  ].map(nextStep);
  assert.deepEqual(steps, [null, "handoff", null, "handoff/picked-up", "collect", null, null]);
});

test("who is being asked can be seen, and somebody else can still be chosen", () => {
  const asked = shelf({ state: "sent", search: looking("offered", { accept_by: at("10:02") }) });
  assert.equal(searching(asked).state, "offered");
  assert.equal(secondsUntil(searching(asked).accept_by, Date.parse(at("10:00:48"))), 72);
  assert.equal(searching(shelf({ search: looking("carried") })), null);
  assert.deepEqual(otherSteps(shelf({ ...nobodyYet, search: looking("seeking") })), [
    "handoff",
    "collect",
    "cancel",
  ]);
});

test("who has it can be called off or changed, as long as the bag is here", () => {
  const off = (more) => shelf({ state: "cancelling", search: looking("offered", more) });
  const both = ["handoff/cancel", "handoff/instead"];
  const cards = [
    [shelf({ state: "sent" }), both],
    [shelf({ carrier: "own" }), both],
    [shelf({ carrier: "own" }, { state: "making" }), both],
    [shelf({ progress: "picked_up" }), ["handoff/cancel"]],
    [off({}), both],
    [off({ automatic: false }), ["handoff/instead"]],
    [off({ automatic: false, next: "Li Wei" }), ["handoff/alone", "handoff/instead"]],
    [shelf({}, { state: "collected" }), []],
    [shelf({}, { fulfilment: "platform_courier" }), []],
    [shelf(nobodyYet), []],
  ];
  for (const [one, steps] of cards) assert.deepEqual(carrierSteps(one), steps);
  const first = ["own", "dada"].flatMap((carrier) =>
    ["pending", "sent", "confirmed", "cancelling"].map((state) => mustCallOff(shelf({ carrier, state }))),
  );
  assert.deepEqual(first, [false, false, false, false, false, true, true, false]);
});

test("who is wanted next is named while the one before is called off", () => {
  const label = (state, more) =>
    words.searchLabel({ accept_by: null, ...more }, { carrier_name: "Dada", state }, 0);
  assert.deepEqual(
    [
      label("cancelling", { next: "Li Wei", automatic: false }),
      label("cancelling", { next: "", automatic: true }),
      label("cancelling", { next: "", automatic: false }),
      label("cancelled", { state: "seeking", next: "Li Wei" }),
      words.partLabel({ state: "cancelling", progress: "", next: "Li Wei" }),
    ],
    [
      "Calling Dada off, then Li Wei",
      "Calling Dada off, then the next one",
      "Calling Dada off",
      "Asking Li Wei",
      "then Li Wei",
    ],
  );
});

test("nobody carries it, or nobody knows: both wait for a person, the longest first", () => {
  const alone = shelf({ ...nobodyYet, search: looking("nobody"), since: at("10:05") }, { id: 1 });
  const asks = { since: at("10:03"), sent_at: at("09:58"), attempts: 4, reason: "" };
  const unclear = shelf({ state: "unknown", asks, since: at("09:58") }, { id: 2 });
  const carried = shelf({ search: looking("nobody") }, { id: 3 });
  assert.deepEqual([alone, unclear, carried].map(nobodyCarries), [true, false, false]);
  assert.deepEqual([alone, unclear, carried].map(asksPerson), [null, asks, null]);
  assert.deepEqual(alarms([alone, unclear, carried]), [unclear, alone]);
  assert.deepEqual([alone, unclear, carried].map(needsEye), [true, true, false]);
  const over = shelf({ state: "unknown", asks }, { state: "cancelled" });
  assert.deepEqual(alarms([shelf({ ...nobodyYet, search: looking("nobody") }, { state: "cancelled" })]), []);
  assert.deepEqual(asksPerson(over), asks);
});

test("news are riders who came, orders without a carrier, and questions; not what was so before", () => {
  const map = (...cards) => new Map(cards.map((one) => [one.id, one]));
  const asks = { since: at("10:03"), sent_at: null, attempts: 1, reason: "" };
  const now = [
    shelf({ progress: "at_store" }, { id: 1 }),
    shelf({ ...nobodyYet, search: looking("nobody") }, { id: 2 }),
    shelf({ state: "unknown", asks }, { id: 3 }),
  ];
  const then = [
    shelf({}, { id: 1 }),
    shelf({ ...nobodyYet }, { id: 2 }),
    shelf({ state: "unknown" }, { id: 3 }),
  ];
  assert.deepEqual(carriageNews(map(...then), map(...now)), { riders: [1], nobody: [2], asks: [3] });
  assert.deepEqual(carriageNews(map(...now), map(...now)), { riders: [], nobody: [], asks: [] });
  assert.deepEqual(carriageNews(map(), map(...now)), { riders: [], nobody: [2], asks: [3] });
  assert.equal(riderHere({ ...now[0], state: "collected" }), false);
});

test("a pick-up code finds its bag, also one of several", () => {
  const parts = [
    { bag: 1, code: "1111", state: "confirmed", progress: "picked_up" },
    { bag: 2, code: "2222", state: "confirmed", progress: "at_store" },
    { bag: 3, code: "", state: "delivered", progress: "delivered" },
  ];
  const split = shelf({ code: "2222", bag: 2, bags: 3, parts }, { id: 7, number: "1111" });
  const single = shelf({ code: "0427" }, { id: 8, number: "22221" });
  const cards = [single, split, shelf(null, { id: 9 })];
  assert.deepEqual(byCode(cards, " 1111 "), [split]);
  assert.deepEqual(byCode(cards, "11"), []);
  assert.deepEqual(bagOf(split, "1111"), { code: "1111", bag: 1, bags: 3 });
  assert.deepEqual(bagOf(single, "0427"), { code: "0427", bag: 1, bags: 1 });
  assert.equal(bagOf(single, ""), null);
  assert.deepEqual(search(cards, "2222"), [split, single]);
  assert.equal(bagsGone(split), 2);
  assert.deepEqual(
    ridersHere(split).map(({ bag, bags, code }) => [bag, bags, code]),
    [[2, 3, "2222"]],
  );
  assert.deepEqual(bagBody(split), { bag: 2 });
  assert.deepEqual(bagBody(single), {});
  const codes = [1, 2, 3].map((bag) => deliveryOf(split, bag).code);
  assert.deepEqual([codes, deliveryOf(single, 1)], [["1111", "2222", ""], single.delivery]);
});

test("what was pressed is shown at once", () => {
  const before = shelf({ ...nobodyYet, suggestion: DADA, search: looking("idle") });
  const after = predictCarriage(before, "handoff", { at: at("10:10"), name: "Dada" });
  assert.deepEqual(
    [
      after.delivery.state,
      after.delivery.carrier_name,
      suggestion(after),
      nextStep(after),
      canHandOff(after),
    ],
    ["pending", "Dada", null, null, false],
  );
  const away = predictCarriage(shelf({ carrier: "own" }), "handoff/picked-up", { at: at("10:10") });
  assert.deepEqual(
    [away.state, away.collected_at, nextStep(away)],
    ["collected", at("10:10"), "handoff/delivered"],
  );
  assert.equal(predictCarriage(away, "handoff/delivered", { at: at("10:20") }).on_board, false);
  const split = shelf({ carrier: "own", bags: 2 });
  assert.equal(predictCarriage(split, "handoff/picked-up", { at: at("10:10") }), split);
  assert.deepEqual(carrierBody("rider:7"), { rider: 7 });
});

test("the dialog names riders at work first, then the suggested and the cheapest courier, then who rests", () => {
  const carriers = {
    riders: [
      { id: 1, name: "Bo", live: 2, on_shift: true },
      { id: 2, name: "Ai", live: 0, on_shift: false },
      { id: 3, name: "Wu", live: 0, on_shift: true },
    ],
    couriers: [
      { id: 1, name: "Dada", state: "ready" },
      { id: 2, name: "Peisong", state: "ready" },
      { id: 3, name: "Uber", state: "resting", rests_until: at("10:20") },
      { id: 4, name: "DoorDash", state: "ready" },
    ],
  };
  const offers = [
    { key: "courier:1", fee: 900, currency: "CNY", minutes: 20, marks: ["fastest"] },
    { key: "courier:2", fee: 700, currency: "CNY", minutes: 30, marks: ["cheapest"] },
    { key: "courier:4", fee: 1200, currency: "CNY", minutes: 25, marks: ["suggested"] },
  ];
  const order = choices(carriers, offers).map(({ name }) => name);
  assert.deepEqual(order, ["Wu", "Bo", "DoorDash", "Peisong", "Dada", "Ai", "Uber"]);
  assert.deepEqual(choices({ riders: [], couriers: [{ id: 1, name: "Dada" }] }, null), [
    {
      key: "courier:1",
      kind: "courier",
      name: "Dada",
      live: 0,
      asleep: false,
      restsUntil: null,
      fee: null,
      currency: "",
      minutes: null,
      error: "",
      marks: [],
      quote: null,
    },
  ]);
});

test("who rests or could not name a price is neither marked nor before those who answered", () => {
  const couriers = [
    { id: 1, name: "Dada" },
    { id: 2, name: "Peisong" },
    { id: 3, name: "Uber", state: "resting", rests_until: at("10:20") },
    { id: 4, name: "Zippy" },
  ];
  const offers = [
    { key: "courier:1", error: "HTTP 500", minutes: 12, marks: ["fastest", "suggested"] },
    { key: "courier:2", fee: 680, currency: "CNY", minutes: 30, marks: ["cheapest"] },
    { key: "courier:3", minutes: 14, marks: ["suggested"] },
  ];
  assert.deepEqual(
    choices({ riders: [], couriers }, offers).map(({ name, marks }) => [name, marks]),
    [
      ["Peisong", ["cheapest"]],
      ["Zippy", []],
      ["Dada", []],
      ["Uber", []],
    ],
  );
});

test("how long a courier rests is counted down at the end, and never told of the past", () => {
  const until = at("10:20:30");
  const told = (time) => {
    const now = Date.parse(at(time));
    return [
      words.carrierState({ state: "resting", rests_until: until }, now, "UTC"),
      words.restLabel(until, now, "UTC"),
    ];
  };
  assert.deepEqual(told("10:10"), ["rests until 10:20", "does not answer, rests until 10:20"]);
  assert.deepEqual(told("10:19:48"), ["rests 0:42 more", "does not answer, rests 0:42 more"]);
  assert.deepEqual(told("10:21"), ["rests", "does not answer, rests"]);
  assert.equal(words.carrierState({ state: "ready" }, 0, "UTC"), "ready");
});

test("what only a server says is told in plain words, a doubt in one sentence", () => {
  assert.equal(words.priceless("HTTP 500"), "no price right now");
  assert.equal(words.priceless("too many calls (HTTP 429)"), "no price right now");
  assert.equal(words.priceless("did not answer in time"), "did not answer in time");
  const doubted = shelf({ state: "unknown", carrier_name: "Dada" });
  assert.deepEqual([inDoubt(doubted), inDoubt(shelf({})), inDoubt(shelf(null))], [true, false, false]);
  assert.equal(words.doubtLabel(doubted.delivery), "No answer from Dada, asking whether it has the order");
});

test("the words for it", () => {
  assert.equal(words.suggestionFacts(DADA, "CNY"), "cheapest · ¥8.20 · 25 min");
  assert.equal(words.suggestionFacts({ why: { code: "later" }, fee: null, minutes: null }, "CNY"), "");
  assert.equal(words.whyLabel({ code: "fastest", measured: true }), "fastest so far");
  const asked = { carrier_name: "Peisong", state: "sent" };
  const offered = looking("offered", { accept_by: at("10:02") });
  const now = Date.parse(at("10:00:48"));
  assert.equal(words.searchLabel(offered, asked, now), "Asking Peisong, 1:12 left");
  assert.equal(words.searchLabel(offered, asked, now + 120_000), "Asking Peisong");
  assert.equal(words.searchLabel(looking("seeking"), asked, now), "Asking for prices …");
  assert.equal(
    words.searchLabel(offered, { ...asked, state: "cancelling" }, now),
    "Calling Peisong off, then the next one",
  );
  assert.equal(words.triedLabel({ name: "Dada", cause: "no_rider", reason: "x" }), "Dada: no rider in time");
  assert.equal(
    words.triedLabel({ name: "Dada", reason: "The courier cannot be reached." }),
    "Dada: The courier cannot be reached.",
  );
  assert.equal(
    words.knownLabel({ sent_at: at("10:00"), attempts: 4, reason: "", number: "del_7" }, "UTC"),
    "sent at 10:00 · sent 4 times · order number del_7",
  );
  assert.equal(words.bagsLabel(1, 3), "1/3 bags picked up");
  assert.equal(words.partLabel({ state: "confirmed", progress: "at_store" }), "rider is here");
  assert.equal(
    words.partLabel({ state: "failed", progress: "", search_state: "nobody" }),
    "nobody carries it",
  );
});
