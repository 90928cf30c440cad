/** What sounds by itself as time goes on: late cards, guests the platform will soon answer, nobody to carry. No DOM. */

import { alarms } from "./carriage.js";
import { soonAnswered } from "./guests.js";
import { lateIds } from "./state.js";

const LATE_TONE_MS = 30_000; // in a wave cards turn late one after the other: one tone for all of them
const RING_MS = 20_000;

export class Reminders {
  /** Ids that were late a second ago; null before the first look. */
  #late = null;
  #lateToneAt = 0;
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
    this.#tickLate(lateIds(cards, now), at);
    const soon = soonAnswered(cards, now);
    if ([...soon].some((id) => !this.#soon.has(id))) this.#play("request");
    this.#soon = soon;
    if (this.#bell.due(new Set(alarms(cards).map(({ id }) => id)), at)) this.#play("alarm");
  }

  #tickLate(late, at) {
    const fresh = this.#late && [...late].some((id) => !this.#late.has(id));
    this.#late = late;
    if (!fresh || at - this.#lateToneAt < LATE_TONE_MS) return;
    this.#lateToneAt = at;
    this.#play("late");
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
