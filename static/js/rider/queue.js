/**
 * What a rider taps, kept on the phone until the portal has answered: neither a dead network nor a reload
 * loses it. Each entry goes out under its own key, so that a repeat is harmless; those of one order go out in
 * the order they were tapped, but for proofs: those go out when there is nothing else to send, and steps leave
 * while a photo is still under way. No DOM.
 *
 * An entry is {key, tap, order, number, handoff, verb, at, hold, tries, body}. Entries of one `tap` (the bags
 * of an order) are taken back together; until `hold` (milliseconds) an entry waits for that. `body` is null, or
 * {code, note, photo} of a problem, {photo} of a proof.
 */

const RETRY_MS = 3_000;

/** What an HTTP status means for a kept entry. */
export function outcome(status) {
  if (status >= 200 && status < 300) return "done";
  if (status === 410) return "over";
  if (status === 408 || status === 429 || status >= 500) return "retry";
  return "refused";
}

function laneOf({ verb }) {
  return verb === "proof" ? "proof" : "step";
}

export class Queue {
  /** True after a 410: everything is kept until the rider has a new link. */
  over = false;
  #entries = [];
  #busy = { step: false, proof: false };
  #timer = null;
  #options;

  /**
   * @param {object} options
   * @param {{entries: () => Promise<object[]>, put: (entry: object) => Promise, drop: (key: string) => Promise}} options.store
   * @param {(entry: object) => Promise<{status: number, body: object}>} options.send
   * @param {(entry: object, answer: object) => void} options.settled the portal answered for good
   * @param {() => void} options.changed
   * @param {object} options.env now, uuid, setTimeout, clearTimeout
   */
  constructor(options) {
    this.#options = options;
  }

  /** Take up what an earlier visit left. */
  async load() {
    const kept = await this.#options.store.entries();
    this.#entries = [...kept.filter(({ key, handoff, verb }) => key && handoff && verb), ...this.#entries];
    this.#entries.sort((a, b) => a.at - b.at);
    this.drain();
  }

  /** Kept entries, oldest first. */
  get entries() {
    return this.#entries;
  }

  /** Keep one tap: the same step for one or several hand-offs. Resolves with its id once it is stored. */
  async keep(steps, { holdMs = 0 } = {}) {
    const { env, store, changed } = this.#options;
    const [tap, now] = [env.uuid(), env.now()];
    const at = Math.max(now, (this.#entries.at(-1)?.at ?? 0) + 1); // no two alike: it is their order after a reload
    const entries = steps.map((step) => ({
      body: null,
      ...step,
      key: env.uuid(),
      tap,
      at,
      hold: now + holdMs,
      tries: 0,
    }));
    this.#entries = [...this.#entries, ...entries];
    changed();
    await Promise.allSettled(entries.map((entry) => store.put(entry))); // a full phone must not stop the rider
    this.drain();
    return tap;
  }

  /** Take back those entries of a tap that have not left the phone; returns the others that are still kept. */
  withdraw(tap) {
    const mine = this.#entries.filter((entry) => entry.tap === tap);
    for (const entry of mine.filter(({ tries }) => tries === 0)) this.#drop(entry);
    this.#options.changed();
    return mine.filter(({ tries }) => tries > 0);
  }

  /** Nothing waits any longer for being taken back: the page is about to go to sleep. */
  flush() {
    for (const entry of this.#entries) entry.hold = 0;
    this.drain();
  }

  /** Send what may go out; called when something was tapped, when a wait is over, and when the line is back. */
  drain() {
    if (this.#busy.step || this.over) return;
    const next = this.#next();
    if (next) this.#attempt(next);
    else this.#wakeAt(Math.min(...this.#first().map(({ hold }) => hold)));
  }

  /** The oldest entry of each order, and last its oldest proof: a photo takes long, and can wait. */
  #first() {
    const oldest = (entries) => {
      const seen = new Set();
      return entries.filter(({ order }) => !seen.has(order) && seen.add(order));
    };
    const steps = oldest(this.#entries.filter((entry) => laneOf(entry) === "step"));
    if (this.#busy.proof) return steps;
    return [...steps, ...oldest(this.#entries.filter((entry) => laneOf(entry) === "proof"))];
  }

  #next() {
    const now = this.#options.env.now();
    return this.#first().find(({ hold }) => hold <= now);
  }

  async #attempt(entry) {
    const lane = laneOf(entry);
    this.#busy[lane] = true;
    entry.tries += 1;
    await this.#options.store.put(entry).catch(() => {});
    if (lane === "proof") this.drain(); // what is still held must be woken meanwhile
    const answer = await this.#sent(entry);
    this.#busy[lane] = false;
    this.#judge(entry, answer);
    this.#options.changed();
  }

  async #sent(entry) {
    try {
      return await this.#options.send(entry);
    } catch {
      return { status: 503, body: {} };
    }
  }

  #judge(entry, answer) {
    const meaning = outcome(answer.status);
    if (meaning === "retry") return this.#wakeAt(this.#options.env.now() + RETRY_MS);
    if (meaning === "over") this.over = true;
    else this.#drop(entry);
    this.#options.settled(entry, answer);
    this.drain();
  }

  #wakeAt(moment) {
    if (!Number.isFinite(moment)) return;
    const { env } = this.#options;
    env.clearTimeout(this.#timer);
    this.#timer = env.setTimeout(() => this.drain(), Math.max(0, moment - env.now()));
  }

  #drop(entry) {
    this.#entries = this.#entries.filter((other) => other !== entry);
    this.#options.store.drop(entry.key);
  }
}
