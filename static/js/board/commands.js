/**
 * What people press, as HTTP commands. A step of an order, or an answer to its guest, is kept in storage under its own key until
 * the server has answered, so that neither a dead network nor a reload loses it; the key also goes
 * along as Idempotency-Key, so that a repeat is harmless. No DOM.
 */

const RETRY_MS = 3_000;
const TIMEOUT_MS = 15_000;
const PARALLEL = 6;

/** What an HTTP status means for a kept command. */
export function outcome(status) {
  if (status >= 200 && status < 300) return "done";
  if (status === 401 || status === 403) return "signed-out";
  if (status === 408 || status === 429 || status >= 500) return "retry";
  return "refused";
}

/** The value of a cookie, or "". */
export function cookie(name, all) {
  const found = all.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

/** How a browser sends commands: JSON, CSRF token, idempotency key, a time-out. */
export function sender({ api, fetch, csrf }) {
  return async ({ path, body, key }) => {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": csrf() };
    if (key) headers["Idempotency-Key"] = key;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const init = { method: "POST", headers, body: JSON.stringify(body ?? {}), signal, keepalive: true };
    const answer = await fetch(`${api}${path}`, init);
    return { status: answer.status, body: await answer.json().catch(() => ({})) };
  };
}

/**
 * How a browser reads the API. The reader gives null for what failed; when it was asked too often, what `tooMany`
 * makes of that: {detail, wait}, the words and the seconds until it may be asked again.
 */
export function reader({ api, fetch }) {
  return async (path, tooMany = () => null) => {
    const answer = await fetch(`${api}${path}`).catch(() => null);
    if (answer?.status === 429) return tooMany(await refusalOf(answer));
    return answer?.ok ? answer.json() : null;
  };
}

async function refusalOf(answer) {
  const { detail = "" } = await answer.json().catch(() => ({}));
  return { detail, wait: Number(answer.headers.get("Retry-After")) || 60 };
}

/**
 * The kept commands of one person at one store, oldest first. Of one order only one is under way at a
 * time, in the order they were pressed. One storage entry per command: tabs do not overwrite each other.
 *
 * An entry is {key, order, number, verb, body, at, tries}; `verb` is the last part of the address. One that
 * names a carrier also has its `name`, so that the card can show it meanwhile.
 *
 * @param {object} options
 * @param {string} options.scope prefix of the storage keys, names store and person
 * @param {Storage} options.storage
 * @param {(request: object) => Promise<{status: number, body: object}>} options.send
 * @param {(entry: object, answer: object) => void} options.settled the server answered for good
 * @param {() => void} options.changed
 * @param {object} options.env now, uuid, setTimeout
 */
export class Commands {
  /** True after a 401 or 403: kept commands wait until somebody signs in again. */
  signedOut = false;
  #entries = [];
  #underWay = new Set();
  #retrying = false;
  #options;

  constructor(options) {
    this.#options = options;
    this.#entries = load(options.storage, options.scope);
  }

  /** Kept entries, oldest first. */
  get entries() {
    return this.#entries;
  }

  /** Entries of an order, oldest first. */
  of(order) {
    return this.#entries.filter((entry) => entry.order === order);
  }

  /** Keep a command and send it as soon as possible. */
  keep({ order, number, verb, body = {}, ...more }) {
    const { env } = this.#options;
    const entry = { key: env.uuid(), order, number, verb, body, at: env.now(), tries: 0, ...more };
    this.#entries = [...this.#entries, entry];
    this.#save(entry);
    this.#options.changed();
    this.drain();
    return entry;
  }

  /** Take back a step that has never left this device. True when there was one; answers are not taken back. */
  withdraw(order) {
    const last = this.of(order).at(-1);
    if (!last || last.tries > 0 || last.body.answer) return false;
    this.#drop(last);
    this.#options.changed();
    return true;
  }

  /** Send what is kept; called when something was pressed and when the line is back. */
  drain() {
    if (this.signedOut) return;
    for (const entry of this.#entries) {
      if (this.#underWay.size >= PARALLEL) return;
      if (this.of(entry.order)[0] === entry && !this.#underWay.has(entry.order)) this.#attempt(entry);
    }
  }

  async #attempt(entry) {
    this.#underWay.add(entry.order);
    entry.tries += 1;
    this.#save(entry);
    const answer = await this.#sent(entry);
    this.#underWay.delete(entry.order);
    this.#judge(entry, answer);
    this.#options.changed();
  }

  async #sent({ key, order, verb, body }) {
    try {
      return await this.#options.send({ path: `/orders/${order}/${verb}`, body, key });
    } catch {
      return { status: 503, body: {} };
    }
  }

  #judge(entry, answer) {
    const meaning = outcome(answer.status);
    if (meaning === "signed-out") this.signedOut = true;
    else if (meaning === "retry") this.#retryLater();
    else {
      this.#drop(entry);
      this.#options.settled(entry, answer);
      this.drain();
    }
  }

  #retryLater() {
    if (this.#retrying) return;
    this.#retrying = true;
    this.#options.env.setTimeout(() => {
      this.#retrying = false;
      this.drain();
    }, RETRY_MS);
  }

  #save(entry) {
    // A full or forbidden storage must not stop the counter: the command then lives in memory only.
    try {
      this.#options.storage.setItem(`${this.#options.scope}${entry.key}`, JSON.stringify(entry));
    } catch {}
  }

  #drop(entry) {
    this.#entries = this.#entries.filter((other) => other !== entry);
    this.#options.storage.removeItem(`${this.#options.scope}${entry.key}`);
  }
}

function load(storage, scope) {
  return Object.keys(storage)
    .filter((key) => key.startsWith(scope))
    .map((key) => parse(storage.getItem(key)))
    .filter((entry) => entry?.key && entry.order && entry.verb)
    .map((entry) => ({ body: { reason: entry.reason ?? "" }, ...entry }))
    .sort((a, b) => a.at - b.at);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
