/** Who could carry orders now, read again and again for the rail. No DOM. */

const LOOK_MS = 15_000;

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
