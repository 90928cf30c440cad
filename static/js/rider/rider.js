/**
 * The rider's page as a model: the list, what is kept on the phone, what is to be told. Fires "change". No DOM.
 */

import { bagsFor, fold } from "./fold.js";
import { Queue } from "./queue.js";

const EVERY_MS = 15_000;
const STALE_MS = 60_000;
const HELD = new Set(["delivered", "given-back"]); // these cannot be taken back once they are sent
const REVERSE = { "picked-up": "not-picked-up", arrived: "not-arrived" };
const IN_PASSING = new Set(["arrived", "not-arrived"]); // when they come too late, there is nothing to tell

export class Rider extends EventTarget {
  /** What the portal said last, or null; how things stand with the line: "", "offline". */
  list = null;
  line = "";
  /** Words of the portal once the link is over, else "". */
  over = "";
  /** What went wrong, until it was seen: {id, entry, answer}. */
  notices = [];
  /** The last tap while it can be taken back: {tap, verb, number, until}. */
  undoable = null;
  phones = new Map();
  ready = false;
  #asking = null;
  #options;

  /** @param {object} options api, store, env (now, uuid, setTimeout, clearTimeout), undoMs */
  constructor(options) {
    super();
    this.#options = options;
    const { api, store, env } = options;
    this.queue = new Queue({
      store,
      env,
      send: (entry) => api.send(entry),
      settled: (entry, answer) => this.#settled(entry, answer),
      changed: () => this.#changed(),
    });
  }

  /** Show what the phone knows, then ask the portal, again and again. */
  async start() {
    const { store, env } = this.#options;
    const [list, notices] = await Promise.all([store.fact("list"), store.fact("notices")]);
    if (list && Date.parse(list.shift.ends_at) > env.now()) this.list = list;
    this.notices = notices ?? [];
    await this.queue.load();
    this.ready = true;
    await this.refresh();
    const round = () => env.setTimeout(() => this.refresh().finally(round), EVERY_MS);
    round();
  }

  get now() {
    return this.#options.env.now();
  }

  /** The list as it looks with all that was tapped. */
  get view() {
    return fold(this.list, this.queue.entries);
  }

  /** Milliseconds since the portal spoke last, by the phone's clock; null if it never did. */
  get age() {
    return this.list ? Math.max(0, this.now - this.list.heard) : null;
  }

  get stale() {
    return this.line === "offline" || (this.age ?? 0) > STALE_MS;
  }

  /** Ask the portal for the list, and send what waits. */
  refresh() {
    this.queue.drain();
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** Take one step with all bags of a stop that it makes sense for. */
  async step(stop, verb) {
    await this.#keep(
      bagsFor(stop, verb).map((bag) => named(stop, bag, verb)),
      verb,
      stop.number,
    );
  }

  /** Everything on the shelf at once. */
  async pickUpAll(stops) {
    const steps = stops.flatMap((stop) =>
      stop.bags.filter((bag) => !bag.picked_up).map((bag) => named(stop, bag, "picked-up")),
    );
    await this.#keep(steps, "picked-up", stops.map(({ number }) => number).join(", #"));
  }

  /** The rider stands at the counter: for everything that waits there at once. */
  async arrive(stops) {
    const steps = stops.flatMap((stop) =>
      stop.bags
        .filter(({ picked_up, here }) => !picked_up && !here)
        .map((bag) => named(stop, bag, "arrived")),
    );
    await this.#keep(steps, "arrived", "");
  }

  /** Keep a photo of where the bag was left. */
  async prove(stop, photo) {
    await this.queue.keep([{ ...named(stop, stop.bags[0], "proof"), body: { photo } }]);
  }

  /** Say what is wrong with a stop; `body` is {code, note, photo}. */
  async report(stop, body) {
    await this.queue.keep([{ ...named(stop, stop.bags[0], "problem"), body }]);
  }

  /** Take the last tap back: what has not left the phone is forgotten, a pick-up that has is reversed. */
  async undo() {
    const { undoable } = this;
    this.undoable = null;
    if (!undoable) return;
    const kept = new Set(undoable.steps.map((step) => step.handoff));
    const before = this.queue.entries.filter(({ tap }) => tap === undoable.tap);
    const left = this.queue.withdraw(undoable.tap);
    for (const entry of before) if (!left.includes(entry)) kept.delete(entry.handoff);
    const reversed = undoable.steps.filter(({ handoff }) => kept.has(handoff));
    const verb = REVERSE[undoable.verb];
    if (verb && reversed.length) await this.queue.keep(reversed.map((step) => ({ ...step, verb })));
    this.#changed();
  }

  /** The guest's number, asked for once; null without a network, "" if there is none. */
  async phoneOf(stop) {
    if (!this.phones.has(stop.order)) {
      const answer = await this.#options.api.call(stop.bags[0].handoff).catch(() => null);
      if (!answer || answer.status >= 500) return null;
      this.phones.set(stop.order, answer.body.phone ?? "");
      this.#changed();
    }
    return this.phones.get(stop.order);
  }

  /** A notice was seen. */
  dismiss(id) {
    this.#tell(this.notices.filter((notice) => notice.id !== id));
  }

  /** The page goes to sleep: send now what could still be taken back. */
  sleep() {
    this.undoable = null;
    this.queue.flush();
  }

  async #keep(steps, verb, number) {
    if (!steps.length) return;
    const { undoMs } = this.#options;
    const tap = await this.queue.keep(steps, { holdMs: HELD.has(verb) ? undoMs : 0 });
    this.undoable = { tap, verb, number, steps, until: this.now + undoMs };
    this.#options.env.setTimeout(() => {
      if (this.undoable?.tap === tap) this.undoable = null;
      this.#changed();
    }, undoMs);
    this.#changed();
  }

  async #ask() {
    const answer = await this.#options.api.stops().catch(() => null);
    if (!answer || answer.status >= 500) this.line = "offline";
    else if (answer.status === 200) this.#take(answer.body);
    else if (answer.status === 410 || answer.status === 404) this.#end(answer.body.detail);
    this.#changed();
  }

  /** A list that is older than the one on the screen was overtaken on its way. */
  #take(list) {
    this.line = "";
    this.over = "";
    if (this.list && Date.parse(list.at) < Date.parse(this.list.at)) return;
    if (this.queue.over) {
      this.queue.over = false;
      this.queue.drain();
    }
    this.list = { ...list, heard: this.now };
    this.#options.store.setFact("list", this.list);
  }

  /** The link is over: what guests told us goes with it, what the rider did is kept. */
  #end(words) {
    this.over = words || "…";
    this.list = null;
    this.phones.clear();
    this.#options.store.setFact("list", null);
  }

  #settled(entry, answer) {
    if (answer.status === 410) this.#end(answer.body.detail);
    else if (answer.body.stops) this.#take(answer.body);
    else if (answer.status >= 400) {
      const { key, number, verb, at } = entry;
      if (!IN_PASSING.has(verb))
        this.#tell([...this.notices, { id: key, entry: { number, verb, at }, answer }]);
      this.refresh();
    }
  }

  #tell(notices) {
    this.notices = notices;
    this.#options.store.setFact("notices", notices);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

function named(stop, bag, verb) {
  return { order: stop.order, number: stop.number, handoff: bag.handoff, verb };
}
