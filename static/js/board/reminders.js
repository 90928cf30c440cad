/**
 * What sounds by itself as time goes on: late cards, cards left on the shelf, guests the platform will soon answer,
 * nobody to carry. No DOM.
 */

import { alarms, leftStanding, reminders } from "./carriage.js";
import { soonAnswered } from "./guests.js";
import { lateIds } from "./state.js";

const TONE_MS = 30_000; // in a wave cards turn late one after the other: one tone for all of them
const RING_MS = 20_000;

export class Reminders {
  #late = new Turns();
  #left = new Turns();
  /** Ids whose guests the platform will soon answer by itself. */
  #soon = new Set();
  #bell = new Bell();
  #play;

  /** @param {(figure: string) => void} play sounds a figure of `sounds.js` */
  constructor(play) {
    this.#play = play;
  }

  /** Orders that nobody carries, or nobody knows of: they ring now, and again until somebody is there. */
  alarm(ids, at) {
    if (!ids.length) return;
    this.#bell.add(ids, at);
    this.#play("alarm");
  }

  /** Somebody is there. */
  hush() {
    this.#bell.hush();
  }

  /**
   * A second has passed.
   * @param {object[]} cards as the screen shows them
   * @param {number} now the server's time
   * @param {number} at this device's
   */
  tick(cards, now, at) {
    const late = this.#late.due(new Map([...lateIds(cards, now)].map((id) => [id, 1])), at);
    const left = this.#left.due(times(cards, now), at);
    if (left || late) this.#play(left ? "left" : "late");
    const soon = soonAnswered(cards, now);
    if ([...soon].some((id) => !this.#soon.has(id))) this.#play("request");
    this.#soon = soon;
    if (this.#bell.due(new Set(alarms(cards).map(({ id }) => id)), at)) this.#play("alarm");
  }
}

/** How often it has been time to remind of each card that nobody is asked to carry. */
function times(cards, now) {
  return new Map(leftStanding(cards, now).map((card) => [card.id, reminders(card, now)]));
}

/** What turned since the last look, or did once more: one tone for all in a while, none for the first look. */
export class Turns {
  #known = null;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** Whether it is time for a tone; `counts` says of each id how often it turned. */
  due(counts, at) {
    const fresh = this.#known && [...counts].some(([id, count]) => count > (this.#known.get(id) ?? 0));
    this.#known = counts;
    if (!fresh || at - this.#toldAt < TONE_MS) return false;
    this.#toldAt = at;
    return true;
  }
}

/** Rings for orders without a carrier, at once and again, until somebody was at the board. */
export class Bell {
  #ids = new Set();
  #rangAt = 0;

  /** There are new ones. */
  add(ids, now) {
    this.#ids = new Set([...this.#ids, ...ids]);
    this.#rangAt = now;
  }

  /** Somebody is there. */
  hush() {
    this.#ids = new Set();
  }

  /** Whether it is time to ring again for one of `open`, the ids that still wait. */
  due(open, now) {
    this.#ids = new Set([...this.#ids].filter((id) => open.has(id)));
    if (!this.#ids.size || now - this.#rangAt < RING_MS) return false;
    this.#rangAt = now;
    return true;
  }
}
