/**
 * The line to the feed: a WebSocket that resumes where the board stands, and plain HTTP polling while
 * no socket can be had. It measures itself, so that the bar tells the truth. No DOM.
 */

const BEHIND_MS = 5_000; // a beat may be ahead of us this long before we ask again
const SILENCE_MS = 12_000; // beats come every 5 s; after this the line is dead
const CONNECT_MS = 8_000;
const POLL_MS = 3_000;
const POLL_AFTER_FAILURES = 2;
export const STALE_MS = 8_000;
const REFUSED = { 4401: "signed-out", 4404: "no-store" };
const REFUSED_HTTP = { 401: "signed-out", 403: "signed-out", 404: "no-store" };

/** Wait before attempt n (0, 1, …): doubling to 15 s, the upper half of it at random. */
export function backoff(attempt, random) {
  const ceiling = Math.min(15_000, 500 * 2 ** attempt);
  return ceiling / 2 + (ceiling / 2) * random;
}

/**
 * What the line knows about itself. The server's clock is estimated from beats: of all differences
 * seen lately the smallest is the one with the least network in it. Pure; times in milliseconds.
 */
export class Measure {
  #differences = [];
  heardAt = null;
  top = 0;
  delay = null;

  /** Server time of a beat or an answer that arrived at `now`. */
  beat(at, now) {
    this.#differences = [...this.#differences.slice(-23), now - Date.parse(at)];
  }

  /** Something valid arrived; `top` is the highest number the server has. */
  heard(top, now) {
    this.heardAt = now;
    this.top = top;
  }

  /** An event committed at `at` is on the screen at `now`. */
  shown(at, now) {
    this.delay = Math.max(0, this.serverTime(now) - Date.parse(at));
  }

  /** This machine's clock minus the server's. */
  get offset() {
    return this.#differences.length ? Math.min(...this.#differences) : 0;
  }

  serverTime(now) {
    return now - this.offset;
  }

  isStale(now) {
    return this.heardAt === null || now - this.heardAt > STALE_MS;
  }
}

/**
 * @param {object} options
 * @param {string} options.socketUrl ws(s) address of the feed
 * @param {string} options.pollUrl HTTP address of the same feed
 * @param {() => {epoch: string|null, seq: number}} options.position where the board stands
 * @param {(frame: object) => boolean} options.apply applies a frame; true when something is missing
 * @param {() => void} options.changed called when `mode`, `refused` or the measure changed
 * @param {object} options.env WebSocket, fetch, now, random, setTimeout, clearTimeout
 */
export class Feed {
  /** "connecting", "live", "polling", "offline" or "refused" */
  mode = "connecting";
  /** Why the server does not let us in: "signed-out" or "no-store" */
  refused = null;
  measure = new Measure();
  #options;
  #env;
  #socket = null;
  #failures = 0;
  #timers = new Map();
  #behindSince = null;

  constructor({ env, ...options }) {
    this.#options = options;
    this.#env = env;
  }

  start() {
    this.#connect();
  }

  /** Try at once: the network came back, or the page is looked at again. */
  wake() {
    if (this.mode === "live" || this.mode === "refused") return;
    this.#failures = 0;
    if (!this.#socket) this.#connect();
  }

  /* --- Socket --- */

  #connect() {
    this.#cancel("reconnect");
    const socket = new this.#env.WebSocket(this.#options.socketUrl);
    this.#socket = socket;
    this.#after("silence", CONNECT_MS, () => this.#lost(socket));
    socket.onopen = () => this.#resume();
    socket.onmessage = (message) => this.#received(JSON.parse(message.data));
    socket.onclose = (event) => this.#lost(socket, event.code);
  }

  #resume() {
    this.#behindSince = null;
    this.#send({ type: "resume", ...this.#options.position() });
  }

  #send(message) {
    // A socket that is closing throws nothing away that resuming does not bring back.
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  #received(frame) {
    this.#failures = 0;
    this.#cancel("poll");
    this.#after("silence", SILENCE_MS, () => this.#lost(this.#socket));
    this.mode = "live";
    if (frame.type === "beat") this.#beat(frame);
    else this.#take(frame);
    this.#options.changed();
  }

  #take(frame) {
    this.#note(frame);
    const gap = this.#options.apply(frame);
    this.#send({ type: "ack", seq: this.#options.position().seq });
    if (gap) this.#resume();
    else this.#behindSince = null;
  }

  #note(frame) {
    const now = this.#env.now();
    if (frame.at) this.measure.beat(frame.at, now);
    this.measure.heard(frame.seq, now);
  }

  #beat(frame) {
    this.#note(frame);
    const { epoch, seq } = this.#options.position();
    if (frame.epoch !== epoch) return this.#resume();
    if (frame.seq <= seq) {
      this.#behindSince = null;
      return;
    }
    this.#behindSince ??= this.#env.now();
    if (this.#env.now() - this.#behindSince >= BEHIND_MS) this.#resume();
  }

  #lost(socket, code) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#cancel("silence");
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
    if (REFUSED[code]) return this.#refuse(REFUSED[code]);
    const wait = backoff(this.#failures, this.#env.random());
    this.#failures += 1;
    this.#after("reconnect", wait, () => this.#connect());
    if (this.#failures >= POLL_AFTER_FAILURES) this.#schedulePoll(0);
    if (this.mode === "live") this.mode = "connecting";
    this.#options.changed();
  }

  /* --- Polling --- */

  #schedulePoll(wait) {
    if (!this.#timers.has("poll")) this.#after("poll", wait, () => this.#poll());
  }

  async #poll() {
    const { epoch, seq } = this.#options.position();
    const query = new URLSearchParams({ epoch: epoch ?? "", seq: String(seq) });
    try {
      const answer = await this.#env.fetch(`${this.#options.pollUrl}?${query}`);
      if (REFUSED_HTTP[answer.status]) return this.#refuse(REFUSED_HTTP[answer.status]);
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      this.#polled(await answer.json());
    } catch {
      if (this.mode !== "live") this.mode = "offline";
    }
    if (this.mode !== "live" && this.mode !== "refused") this.#schedulePoll(POLL_MS);
    this.#options.changed();
  }

  #polled(frame) {
    if (this.mode === "live") return;
    this.mode = "polling";
    this.#note(frame);
    this.#options.apply(frame);
  }

  #refuse(reason) {
    this.#cancel("reconnect");
    this.#cancel("poll");
    this.mode = "refused";
    this.refused = reason;
    this.#options.changed();
  }

  /* --- Timers: one of each name --- */

  #after(name, wait, run) {
    this.#cancel(name);
    const timer = this.#env.setTimeout(() => {
      this.#timers.delete(name);
      run();
    }, wait);
    this.#timers.set(name, timer);
  }

  #cancel(name) {
    this.#env.clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}
