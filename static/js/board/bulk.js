/**
 * Many orders handed off at once: which are chosen, what is under way, what came of each. No DOM, no words.
 *
 * The tap goes out under a key that is kept until the server has answered, so that a repeat after a dead
 * network begins nothing twice; what was refused, or never got through, stays chosen.
 */

import { canHandOff } from "./carriage.js";

const FIRST_LOOK_MS = 400;
const LOOK_MS = 1_000;
const MOST = 1_000; // the API takes no more at once

export class Bulk {
  /** Whether cards are being chosen: then a touch chooses a card instead of working it. */
  choosing = false;
  /** Ids of the chosen cards. */
  chosen = new Set();
  /** {id, total, done, refused, waiting, items} of the last tap, {id: null} while it is sent; else null. */
  run = null;
  #key = null;
  #changed;
  #ask;
  #read;
  #storage;
  #scope;
  #env;

  /**
   * @param {object} options
   * @param {(path: string, body: object, key: string) => Promise<object|null>} options.ask
   * @param {(path: string) => Promise<object|null>} options.read
   * @param {() => void} options.changed
   * @param {Storage} options.storage keeps what is under way over a reload
   * @param {string} options.scope its key there
   * @param {object} options.env uuid, setTimeout
   */
  constructor({ ask, read, changed, storage, scope, env }) {
    this.#ask = ask;
    this.#read = read;
    this.#changed = changed;
    this.#storage = storage;
    this.#scope = scope;
    this.#env = env;
  }

  /** The page was loaded anew while a tap was being carried out: follow it to its end. */
  resume() {
    const kept = JSON.parse(this.#storage.getItem(this.#scope) ?? "null");
    if (!kept) return;
    this.run = { ...kept, done: 0, refused: 0, waiting: kept.total, items: [] };
    this.chosen = new Set(kept.chosen);
    this.choosing = true;
    this.#look();
  }

  /** Whether a tap is being carried out. */
  get busy() {
    return this.run !== null && (this.run.id === null || this.run.waiting > 0);
  }

  /** Reasons by order, of what was refused last. */
  get refusals() {
    const items = this.run?.items ?? [];
    return items.filter(({ outcome }) => outcome === "refused");
  }

  toggleChoosing() {
    this.choosing = !this.choosing;
    if (!this.choosing) this.#clear();
    this.#changed();
  }

  toggle(id) {
    this.#key = null;
    this.chosen = new Set(this.chosen);
    if (!this.chosen.delete(id)) this.chosen.add(id);
    this.#changed();
  }

  /** Choose all that can be handed off; if they are already, none. */
  toggleAll(cards) {
    this.#key = null;
    const all = handable(cards);
    this.chosen = new Set(all.every((id) => this.chosen.has(id)) ? [] : all);
    this.#changed();
  }

  /** What has left the shelf, or found a carrier, is not chosen any more. */
  prune(cards) {
    if (!this.chosen.size || this.busy) return;
    const still = new Set(handable(cards));
    if ([...this.chosen].every((id) => still.has(id))) return;
    this.chosen = new Set([...this.chosen].filter((id) => still.has(id)));
  }

  /** Hand the chosen ones to "auto" or a carrier's key; true once the server has taken it. */
  async start(target) {
    if (this.busy || !this.chosen.size) return false;
    const key = `${target} ${[...this.chosen].sort().join()}`;
    if (this.#key?.what !== key) this.#key = { what: key, word: this.#env.uuid() };
    this.run = {
      id: null,
      total: this.chosen.size,
      done: 0,
      refused: 0,
      waiting: this.chosen.size,
      items: [],
    };
    this.#changed();
    const begun = await this.#ask("/handoffs", { orders: [...this.chosen], target }, this.#key.word);
    this.run = begun && { ...this.run, id: begun.id, total: begun.total };
    this.#changed();
    if (!begun) return false;
    this.#key = null;
    this.#keep({ id: begun.id, total: begun.total, chosen: [...this.chosen] });
    this.#lookIn(FIRST_LOOK_MS);
    return true;
  }

  /** Done with: away with the result, and with the choosing if nothing is left to do. */
  dismiss() {
    this.run = null;
    if (!this.chosen.size) this.choosing = false;
    this.#changed();
  }

  #lookIn(wait) {
    this.#env.setTimeout(() => this.#look(), wait);
  }

  async #look() {
    if (!this.run) return;
    const told = await this.#read(`/handoffs/${this.run.id}`);
    if (!this.run) return;
    if (told) this.run = { ...told, id: this.run.id };
    if (told) this.chosen = leftOf(this.chosen, told);
    this.#changed();
    if (this.busy) this.#lookIn(LOOK_MS);
    else this.#keep(null);
  }

  #keep(what) {
    if (what) this.#storage.setItem(this.#scope, JSON.stringify(what));
    else this.#storage.removeItem(this.#scope);
  }

  #clear() {
    this.chosen = new Set();
    this.#key = null;
    if (!this.busy) this.run = null;
  }
}

/** Ids of the cards that can be handed off now, in their order. */
export function handable(cards) {
  const all = [...cards].filter(canHandOff).map(({ id }) => id);
  return all.slice(0, MOST);
}

/** What is still chosen once a tap has gone so far: all but what was done. */
export function leftOf(chosen, { items }) {
  const done = new Set(items.filter(({ outcome }) => outcome === "done").map(({ order }) => order));
  return new Set([...chosen].filter((id) => !done.has(id)));
}
