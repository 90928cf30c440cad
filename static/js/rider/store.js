/**
 * What the phone keeps: entries of the queue, and facts (the list, what is to be told). In IndexedDB, because
 * photos are too large for anything else; in memory where a browser forbids that.
 *
 * Entries outlive the link: whoever scans a new one sends what was left. A list does not outlive its rider.
 */

const NAME = "rider";

/** Open the store of one rider and forget the lists of others. */
export async function openStore(rider, indexedDB = globalThis.indexedDB) {
  try {
    const store = new Store(rider, await opened(indexedDB));
    await store.forgetOthers();
    return store;
  } catch {
    return new Memory();
  }
}

class Store {
  constructor(rider, db) {
    this.rider = rider;
    this.db = db;
  }

  async entries() {
    const all = await this.#do("entries", "readonly", (rows) => rows.getAll());
    return all.filter(({ rider }) => rider === this.rider);
  }

  put(entry) {
    return this.#do("entries", "readwrite", (rows) => rows.put({ ...entry, rider: this.rider }));
  }

  drop(key) {
    return this.#do("entries", "readwrite", (rows) => rows.delete(key));
  }

  fact(name) {
    return this.#do("facts", "readonly", (rows) => rows.get(`${this.rider}.${name}`));
  }

  setFact(name, value) {
    return this.#do("facts", "readwrite", (rows) => rows.put(value, `${this.rider}.${name}`));
  }

  async forgetOthers() {
    const names = await this.#do("facts", "readonly", (rows) => rows.getAllKeys());
    const others = names.filter((name) => !name.startsWith(`${this.rider}.`));
    await Promise.all(others.map((name) => this.#do("facts", "readwrite", (rows) => rows.delete(name))));
  }

  #do(table, mode, act) {
    return settled(act(this.db.transaction(table, mode).objectStore(table)));
  }
}

/** The same for as long as the page is open. */
export class Memory {
  #entries = new Map();
  #facts = new Map();

  async entries() {
    return [...this.#entries.values()];
  }

  async put(entry) {
    this.#entries.set(entry.key, entry);
  }

  async drop(key) {
    this.#entries.delete(key);
  }

  async fact(name) {
    return this.#facts.get(name);
  }

  async setFact(name, value) {
    this.#facts.set(name, value);
  }
}

function opened(indexedDB) {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("entries", { keyPath: "key" });
    request.result.createObjectStore("facts");
  };
  return settled(request);
}

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
