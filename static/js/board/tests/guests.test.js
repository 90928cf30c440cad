/** What guests want while they wait: which requests are open, how urgent they are, what an answer makes of them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  freshRequests,
  openRequest,
  openRequests,
  predictAnswer,
  secondsToAnswer,
  soonAnswered,
  urgeWaits,
} from "../guests.js";
import { at, card, request } from "./samples.js";

const NOW = Date.parse(at("10:02:20"));
const answered = { answer: "agree", by: "Lin", at: at("10:01") };

test("a request waits until somebody answers it or it is settled otherwise", () => {
  const open = (fields, state = "making") => openRequest(card({ state, request: request(fields) })) !== null;
  assert.equal(openRequest(card({})), null);
  assert.deepEqual(
    ["applied", "appealed", "withdrawn", "refused", "agreed", "overruled", "upheld"].map((step) =>
      open({ step }),
    ),
    [true, true, false, false, false, false, false],
  );
  assert.equal(open({ answered }), false);
  assert.deepEqual([open({}, "cancelled"), open({}, "delivered")], [false, true]);
  assert.equal(open({ about: "refund" }, "cancelled"), true);
});

test("the most urgent is the one the platform answers first by itself; then the oldest", () => {
  const cards = [
    card({ id: 1, request: request({ answer_by: null, at: at("09:00") }) }),
    card({ id: 2, request: request({ answer_by: at("10:15") }) }),
    card({ id: 3 }),
    card({ id: 4, request: request({ answer_by: at("10:05") }) }),
    card({ id: 5, request: request({ answer_by: null, at: at("08:00") }) }),
  ];
  assert.deepEqual(
    openRequests(cards).map(({ id }) => id),
    [4, 2, 5, 1],
  );
  assert.deepEqual(soonAnswered(cards, NOW), new Set([4]));
});

test("the clock counts down to the platform's own answer and stops at zero", () => {
  const left = (answerBy) => secondsToAnswer(request({ answer_by: answerBy }), NOW);
  assert.deepEqual([left(at("10:15")), left(at("10:00")), left(null)], [760, 0, null]);
});

test("a request rings once, and again when the guest objects", () => {
  const asked = card({ id: 1, request: request({}) });
  const objected = card({ id: 1, request: request({ step: "appealed", at: at("10:09") }) });
  const board = (...cards) => new Map(cards.map((one) => [one.id, one]));
  const fresh = (before, after) => freshRequests(board(before), board(after));
  assert.deepEqual(fresh(card({ id: 1 }), asked), [1]);
  assert.deepEqual(fresh(asked, { ...asked, urges: 1 }), []);
  assert.deepEqual(fresh({ ...asked, request: request({ answered }) }, objected), [1]);
  assert.deepEqual(freshRequests(new Map(), board(asked)), [1]);
});

test("an urge waits for an answer while the order is under way", () => {
  const waits = (fields) => urgeWaits(card(fields));
  assert.deepEqual(
    [
      waits({}),
      waits({ urges: 1 }),
      waits({ urges: 1, urge_answered_at: at("10:01") }),
      waits({ urges: 2, state: "delivered" }),
    ],
    [false, true, false, false],
  );
});

test("an answer is shown before the server has it", () => {
  const asked = card({ urges: 1, request: request({}) });
  const by = { by: "Lin", at: at("10:01") };
  assert.deepEqual(predictAnswer(asked, "request", { answer: "agree" }, by).request.answered, answered);
  assert.equal(predictAnswer(asked, "urge", { answer: "making" }, by).urge_answered_at, at("10:01"));
});
