/** The rider's way to the portal: everything lies under the page's own address, whose token is the secret. */

const TIMEOUT_MS = 20_000;
const PHOTO_TIMEOUT_MS = 120_000; // a photo over a bad network takes as long as it takes

export class Api {
  /** @param {string} base the page's path, with a slash at its end */
  constructor(base, { fetch = globalThis.fetch.bind(globalThis), now = Date.now } = {}) {
    this.base = base;
    this.fetch = fetch;
    this.now = now;
  }

  /** The list; {status, body}. Throws without a network. */
  stops() {
    return this.#ask("stops", { cache: "no-store" });
  }

  /** The guest's number. */
  call(handoff) {
    return this.#ask(`handoffs/${handoff}/call`, { method: "POST" });
  }

  /** One kept entry. */
  send({ key, handoff, verb, at, body }) {
    const headers = { "Idempotency-Key": key, "X-Tapped": String(Math.max(0, this.now() - at)) };
    const init = { method: "POST", headers };
    if (body) init.body = form(body);
    else init.keepalive = true; // so that it goes out although the page goes to sleep
    if (body?.photo) init.signal = AbortSignal.timeout(PHOTO_TIMEOUT_MS);
    return this.#ask(`handoffs/${handoff}/${verb}`, init);
  }

  async #ask(path, init) {
    const options = { ...init, credentials: "omit", referrerPolicy: "no-referrer" };
    options.signal ??= AbortSignal.timeout(TIMEOUT_MS);
    const answer = await this.fetch(`${this.base}${path}`, options);
    return { status: answer.status, body: await answer.json().catch(() => ({})) };
  }
}

function form({ photo, ...words }) {
  const data = new FormData();
  for (const [name, value] of Object.entries(words)) data.set(name, value);
  if (photo) data.set("photo", photo, "photo.jpg");
  return data;
}
