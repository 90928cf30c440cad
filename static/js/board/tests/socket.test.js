/** The line to the feed, against a socket and a clock the test turns itself. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff, Feed, Measure } from "../socket.js";
import { at } from "./samples.js";

/** A world in which time passes only by `pass`, and sockets are in the test's hands. */
function world({ answers = [] } = {}) {
  const timers = new Map();
  const sockets = [];
  let now = Date.parse(at("10:00"));
  let next = 1;
  class FakeSocket {
    readyState = 0;
    sent = [];
    constructor(url) {
      this.url = url;
      sockets.push(this);
    }
    open() {
      this.readyState = 1;
      this.onopen();
    }
    send(text) {
      this.sent.push(JSON.parse(text));
    }
    receive(frame) {
      this.onmessage?.({ data: JSON.stringify(frame) });
    }
    drop(code = 1006) {
      this.onclose?.({ code });
    }
    close() {
      this.readyState = 3;
    }
  }
  return {
    sockets,
    env: {
      WebSocket: FakeSocket,
      fetch: async (url) => answers.shift()?.(url) ?? Promise.reject(new TypeError("no network")),
      now: () => now,
      random: () => 0.5,
      setTimeout: (run, wait) => {
        timers.set(next, { run, due: now + wait });
        next += 1;
        return next - 1;
      },
      clearTimeout: (timer) => timers.delete(timer),
    },
    async pass(milliseconds) {
      const end = now + milliseconds;
      for (;;) {
        const [timer, soonest] = [...timers].sort((a, b) => a[1].due - b[1].due)[0] ?? [];
        if (!soonest || soonest.due > end) break;
        timers.delete(timer);
        now = soonest.due;
        soonest.run();
        await settle();
      }
      now = end;
    },
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));
const reply = (status, body) => async () => ({ status, ok: status < 300, json: async () => body });
const beat = (seq, epoch = "e") => ({ type: "beat", epoch, seq, at: at("10:00") });

/** A feed whose board takes every frame's number; `gap` makes the next frame one with a hole. */
function feed(place) {
  const board = { epoch: null, seq: 0, gap: false, frames: [] };
  const line = new Feed({
    socketUrl: "ws://portal/feed",
    pollUrl: "/feed",
    position: () => ({ epoch: board.epoch, seq: board.seq }),
    apply: (frame) => {
      board.frames.push(frame.seq);
      if (board.gap) return true;
      Object.assign(board, { epoch: frame.epoch, seq: frame.seq });
      return false;
    },
    changed: () => {},
    env: place.env,
  });
  line.start();
  return { board, line };
}

test("it resumes from where the board stands and acknowledges what it applied", () => {
  const place = world();
  const { line } = feed(place);
  const [socket] = place.sockets;
  socket.open();
  socket.receive({ type: "snapshot", epoch: "e", seq: 8, at: at("10:00") });
  socket.receive({ type: "events", epoch: "e", seq: 9, events: [] });
  assert.deepEqual(socket.sent, [
    { type: "resume", epoch: null, seq: 0 },
    { type: "ack", seq: 8 },
    { type: "ack", seq: 9 },
  ]);
  assert.deepEqual([line.mode, line.measure.top], ["live", 9]);
});

test("a gap is asked for again at once", () => {
  const place = world();
  const { board } = feed(place);
  const [socket] = place.sockets;
  socket.open();
  socket.receive({ type: "snapshot", epoch: "e", seq: 8, at: at("10:00") });
  board.gap = true;
  socket.receive({ type: "events", epoch: "e", seq: 11, events: [] });
  assert.deepEqual(socket.sent.slice(-2), [
    { type: "ack", seq: 8 },
    { type: "resume", epoch: "e", seq: 8 },
  ]);
});

test("a beat of another epoch resumes at once, one that is ahead only after five seconds", async () => {
  const place = world();
  feed(place);
  const [socket] = place.sockets;
  socket.open();
  socket.receive({ type: "snapshot", epoch: "e", seq: 8, at: at("10:00") });
  const resumes = () => socket.sent.filter(({ type }) => type === "resume").length;
  socket.receive(beat(9));
  assert.equal(resumes(), 1);
  await place.pass(5_000);
  socket.receive(beat(9));
  assert.equal(resumes(), 2);
  socket.receive(beat(8, "new"));
  assert.equal(resumes(), 3);
});

test("silence is a dead line: the socket is given up and a new one opened", async () => {
  const place = world();
  const { line } = feed(place);
  place.sockets[0].open();
  place.sockets[0].receive(beat(0, null));
  await place.pass(12_000);
  assert.equal(line.mode, "connecting");
  await place.pass(1_000);
  assert.equal(place.sockets.length, 2);
});

test("without a socket it polls, and stops polling when the socket is back", async () => {
  const frame = { type: "events", epoch: "e", seq: 3, events: [], at: at("10:00") };
  const urls = [];
  const answer = (url) => {
    urls.push(url);
    return reply(200, frame)();
  };
  const place = world({ answers: [answer, answer, answer] });
  const { line, board } = feed(place);
  place.sockets.at(-1).drop();
  await place.pass(1_000);
  place.sockets.at(-1).drop();
  await place.pass(0);
  assert.deepEqual([line.mode, board.seq, urls], ["polling", 3, ["/feed?epoch=&seq=0"]]);
  place.sockets.at(-1).drop();
  await place.pass(2_000);
  place.sockets.at(-1).open();
  place.sockets.at(-1).receive(beat(3));
  await place.pass(4_000);
  assert.deepEqual([line.mode, urls.length], ["live", 1]);
});

test("with neither socket nor HTTP it is offline and goes on trying", async () => {
  const place = world();
  const { line } = feed(place);
  place.sockets.at(-1).drop();
  await place.pass(1_000);
  place.sockets.at(-1).drop();
  await place.pass(0);
  assert.equal(line.mode, "offline");
  await place.pass(20_000);
  assert.ok(place.sockets.length > 2);
});

test("who is not let in is told why, and nothing is tried again", async () => {
  for (const [code, reason] of [
    [4401, "signed-out"],
    [4404, "no-store"],
  ]) {
    const place = world();
    const { line } = feed(place);
    place.sockets[0].open();
    place.sockets[0].drop(code);
    await place.pass(60_000);
    assert.deepEqual([line.mode, line.refused, place.sockets.length], ["refused", reason, 1]);
  }
});

test("the wait between attempts doubles to fifteen seconds, half of it by chance", () => {
  assert.deepEqual(
    [0, 1, 2, 9].map((attempt) => backoff(attempt, 0)),
    [250, 500, 1_000, 7_500],
  );
  assert.deepEqual(
    [0, 9].map((attempt) => backoff(attempt, 1)),
    [500, 15_000],
  );
});

test("the measure finds the server's clock by the quickest beat, and the delay by it", () => {
  const measure = new Measure();
  const server = Date.parse(at("10:00"));
  measure.beat(at("10:00"), server + 60_300);
  measure.beat(at("10:00"), server + 60_020);
  measure.shown(at("10:00"), server + 60_320);
  assert.deepEqual([measure.offset, measure.delay], [60_020, 300]);
});

test("eight seconds without a word and the board is stale", () => {
  const measure = new Measure();
  assert.equal(measure.isStale(0), true);
  measure.heard(1, 1_000);
  assert.deepEqual([measure.isStale(9_000), measure.isStale(9_001)], [false, true]);
});
