/** Who could carry orders now, read again and again for the rail; and the bell for what has no carrier. No DOM. */

const LOOK_MS = 15_000;
const RING_MS = 20_000;

/** Riders and couriers of the store as the API gives them; null until it has answered. */
export class Crew {
  carriers = null;
  #read;
  #changed;
  #env;

  constructor({ read, changed, env }) {
    this.#read = read;
    this.#changed = changed;
    this.#env = env;
  }

  /** Look now and from now on; what cannot be read stays as it was. */
  async start() {
    await this.look();
    this.#env.setTimeout(() => this.start(), LOOK_MS);
  }

  async look() {
    const fresh = this.#env.hidden() ? null : await this.#read("/carriers");
    if (!fresh) return this.carriers;
    this.carriers = fresh;
    this.#changed();
    return fresh;
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
