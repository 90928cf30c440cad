/**
 * The board's model: joins the pure state, the feed, the kept commands and the sounds, and tells the
 * screen when something changed. Components read from it and call its verbs; they keep no truth.
 */

import { BROWSER } from "./browser.js";
import { Bulk } from "./bulk.js";
import { alarms, bagBody, carrierBody, hasHandoff, leftStanding, predictCarriage } from "./carriage.js";
import { Commands, cookie, reader, sender } from "./commands.js";
import { Crew } from "./crew.js";
import { openRequests, predictAnswer } from "./guests.js";
import { Reminders } from "./reminders.js";
import { changeSetting, readSettings } from "./settings.js";
import { Feed } from "./socket.js";
import { Sounds } from "./sounds.js";
import { columns, EMPTY, news, predict, reduce, stillWaiting, undoUntil } from "./state.js";
import { Stillness } from "./stillness.js";
import { orderName } from "./words.js";

const TICK_MS = 1_000;
const FRAME_MS = 16;
const NOTICE_MS = 12_000;
const HANDED_MS = 10_000; // how long a hand-off can be called back with one press
const LIT_MS = 6_000; // how long a card that was looked for stands out
const DEAF = new Set();

/** Fires "change" whenever the screen should look again, "notice" when a person must be told something. */
export class Board extends EventTarget {
  state = EMPTY;
  settings = readSettings();
  /** Ids of orders that came in since the board was last touched. */
  unseen = new Set();
  /** Things to tell, newest last: {id, tone, text, until} */
  notices = [];
  /** Orders whose last step was made here and may still be taken back, newest last. */
  #mine = [];
  /** Cards the server answered with, shown until the feed has caught up: id → {card, seq}. */
  #ahead = new Map();
  #lineUp = false;
  #announced = false;
  #reminders = new Reminders((figure) => this.sounds.play(figure));
  /** The last order given to somebody here: {id, name, until}. */
  #handed = null;
  #lit = { id: null, until: 0 };
  #unshownAt = null;
  #still = new Stillness();
  #noticeId = 0;

  constructor(boot, describe) {
    super();
    this.boot = boot;
    this.describe = describe;
    this.#hears = new Map(Object.entries(boot.hears).map(([channel, calls]) => [channel, new Set(calls)]));
    this.sounds = new Sounds({ volume: this.settings.volume, changed: () => this.#changed() });
    this.read = reader({ api: boot.api, fetch: BROWSER.fetch });
    this.#send = sender({
      api: boot.api,
      fetch: BROWSER.fetch,
      csrf: () => cookie("csrftoken", document.cookie),
    });
    this.commands = new Commands({
      scope: `portal.command.${boot.store.id}.${boot.user.id}.`,
      storage: localStorage,
      send: this.#send,
      settled: (entry, answer) => this.#settled(entry, answer),
      changed: () => this.#changed(),
      env: BROWSER,
    });
    const changed = () => this.#changed();
    const { read } = this;
    const ask = (...wish) => this.ask(...wish);
    const scope = `portal.bulk.${boot.store.id}.${boot.user.id}`;
    this.bulk = new Bulk({ ask, read, changed, storage: sessionStorage, scope, env: BROWSER });
    this.crew = new Crew({ read, changed, env: BROWSER });
    this.feed = new Feed({
      socketUrl: new URL(boot.socket, location.href.replace(/^http/, "ws")).href,
      pollUrl: `${boot.api}/feed`,
      position: () => ({ epoch: this.state.epoch, seq: this.state.seq }),
      apply: (frame) => this.#apply(frame),
      changed: () => this.#lineChanged(),
      env: BROWSER,
    });
  }

  #send;
  #hears;

  start() {
    this.feed.start();
    this.commands.drain();
    this.crew.start();
    this.bulk.resume();
    setInterval(() => this.#tick(), TICK_MS);
    addEventListener("online", () => this.feed.wake());
    document.addEventListener("visibilitychange", () => document.hidden || this.feed.wake());
  }

  /* --- Reading ------------------------------------------------------------------------------------ */

  /** The server's time, as well as it is known here; to the second, so that what it feeds changes seldom. */
  get now() {
    return Math.floor(this.feed.measure.serverTime(Date.now()) / 1_000) * 1_000;
  }

  get zone() {
    return this.boot.store.timezone;
  }

  get ready() {
    return this.state.epoch !== null;
  }

  get stale() {
    return this.feed.measure.isStale(Date.now());
  }

  /** Events the server has and this screen has not. */
  get missing() {
    return Math.max(0, this.feed.measure.top - this.state.seq);
  }

  /** The cards as the screen shows them: the feed's, moved on by what was pressed here. */
  get cards() {
    return [...this.state.cards.keys()].map((id) => this.card(id)).filter((card) => card?.on_board);
  }

  /** One card as the screen shows it, or undefined. */
  card(id) {
    const known = this.state.cards.get(id);
    if (!known) return undefined;
    const ahead = this.#ahead.get(id);
    const base = ahead && ahead.seq > this.state.seq ? ahead.card : known;
    return this.commands.of(id).reduce((card, entry) => this.#predicted(card, entry), base);
  }

  #predicted(card, { verb, body, at: pressedAt, name }) {
    const at = new Date(pressedAt).toISOString();
    if (verb.startsWith("handoff")) return predictCarriage(card, verb, { at, name });
    if (!body.answer) return predict(card, verb, at);
    return predictAnswer(card, verb, body, { by: this.boot.user.label, at });
  }

  isPending(id) {
    return this.commands.of(id).length > 0;
  }

  get columns() {
    return columns(this.cards);
  }

  /** The columns as they are to be shown: [{card, gone}] by name, unmoved under a finger. */
  get layout() {
    return this.#still.layout(this.columns, performance.now());
  }

  /** True while a finger is on the board or has just left it: nothing may jump now. */
  get held() {
    return this.#still.holds(performance.now());
  }

  /** True when a press on the card was probably meant for the one that stood there before. */
  justMoved(id) {
    return this.#still.justMoved(id, performance.now());
  }

  /** What the card's platform can be told beyond steps: a set of calls. */
  hears(card) {
    return this.#hears.get(card.channel) ?? DEAF;
  }

  /** Cards whose guests wait for an answer, the most urgent first. */
  get requests() {
    return openRequests(this.cards);
  }

  /** Cards that stand still until somebody decides about their carrier, the longest wait first. */
  get alarms() {
    return alarms(this.cards);
  }

  /** Cards on the shelf that nobody is asked to carry, for minutes; the longest wait first. */
  get left() {
    return leftStanding(this.cards, this.now);
  }

  /** The card that was looked for a moment ago. */
  get lit() {
    return Date.now() < this.#lit.until ? this.#lit.id : null;
  }

  /** The newest step made here that can still be taken back: its card, or undefined. */
  get undoable() {
    const now = this.now;
    return this.#mine
      .toReversed()
      .map((id) => this.card(id) ?? this.#ahead.get(id)?.card)
      .find((card) => card && undoUntil(card) > now);
  }

  /* --- Doing -------------------------------------------------------------------------------------- */

  /** A step of an order: kept until the server has it. */
  step(card, verb, reason = "") {
    this.commands.keep({ order: card.id, number: orderName(card), verb, body: { reason } });
    if (verb === "undo") this.#mine = this.#mine.filter((id) => id !== card.id);
    else this.#mine = [...this.#mine.filter((id) => id !== card.id), card.id].slice(-20);
    this.#changed();
  }

  /** An answer to a guest: to a "request" or an "urge"; kept until the server has it. */
  answer(card, verb, body) {
    this.commands.keep({ order: card.id, number: orderName(card), verb, body });
  }

  /** Give the order to a carrier by key; kept until the server has it. `more` goes along. */
  handOff(card, key, name, more = {}) {
    const body = { ...carrierBody(key), ...(more.bags ? {} : bagBody(card)), ...more };
    this.commands.keep({ order: card.id, number: orderName(card), verb: "handoff", body, name });
    this.#handed = { id: card.id, name, until: this.now + HANDED_MS };
  }

  /** Give what somebody has to somebody else: only as things stand now, so it is not kept for later. */
  async giveInstead(card, key, more) {
    const body = { ...carrierBody(key), ...bagBody(card), instead: true, ...more };
    const given = await this.ask(`/orders/${card.id}/handoff`, body);
    if (!given || this.#handed?.id !== card.id) return;
    this.#handed = null; // it would call back somebody else now
    this.#changed();
  }

  /** What was given to somebody here a moment ago and can be called back: {card, name, until}, or null. */
  get handed() {
    const card = this.#handed && this.card(this.#handed.id);
    if (!card || this.#handed.until <= this.now || !hasHandoff(card)) return null;
    return { ...this.#handed, card };
  }

  /** Not that one after all: it never leaves this device, or it is called off. */
  callBack({ card }) {
    this.#handed = null;
    if (!this.commands.withdraw(card.id)) this.ask(`/orders/${card.id}/handoff/cancel`, bagBody(card));
    this.#changed();
  }

  /** An own rider's next step; kept until the server has it. */
  follow(card, verb) {
    this.commands.keep({ order: card.id, number: orderName(card), verb, body: bagBody(card) });
  }

  /** Let a card stand out: somebody looked for it. */
  light(id) {
    this.#lit = { id, until: Date.now() + LIT_MS };
    this.#changed();
  }

  undo(card) {
    if (this.commands.withdraw(card.id)) this.#mine = this.#mine.filter((id) => id !== card.id);
    else this.step(card, "undo");
    this.#changed();
  }

  /** A command that makes sense only now (pause, hand-off, phone): its answer, or null when it failed. */
  async ask(path, body, key = BROWSER.uuid()) {
    const answer = await this.#send({ path, body, key }).catch(() => null);
    if (answer && answer.status < 300) {
      this.#keepAhead(answer.body);
      this.#changed();
      return answer.body;
    }
    this.tell("warn", this.describe.failure(answer, this));
    return null;
  }

  tell(tone, text) {
    this.#noticeId += 1;
    this.notices = [...this.notices, { id: this.#noticeId, tone, text, until: Date.now() + NOTICE_MS }].slice(
      -3,
    );
    this.#changed();
  }

  forget(notice) {
    this.notices = this.notices.filter((other) => other !== notice);
    this.#changed();
  }

  /** A finger went down or up: hush, and hold everything still for as long as it rests there. */
  touch(down) {
    this.#still.touch(down, performance.now());
    if (down) this.noticed();
    else setTimeout(() => this.#changed(), Stillness.REST_MS);
  }

  /** Somebody is there: stop ringing. */
  noticed() {
    this.sounds.unlock();
    this.sounds.hush();
    this.#reminders.hush();
    if (this.unseen.size === 0) return;
    this.unseen = new Set();
    this.#changed();
  }

  setting(name, value) {
    this.settings = changeSetting(name, value);
    if (name === "volume") this.sounds.volume = value;
    this.#changed();
  }

  /** The screen shows everything applied so far: now the delay can be told. */
  painted() {
    if (this.#unshownAt) this.feed.measure.shown(this.#unshownAt, Date.now());
    this.#unshownAt = null;
  }

  /* --- Inside ------------------------------------------------------------------------------------- */

  #apply(frame) {
    const before = this.state;
    const { state, gap } = reduce(before, frame);
    this.state = state;
    this.#unshownAt = frame.events?.at(-1)?.at ?? this.#unshownAt;
    this.#forgetAhead();
    this.#announce(news(before, state));
    this.#tellMoved(frame, before.seq);
    this.#dropBegun();
    this.bulk.prune(this.cards);
    return gap;
  }

  /** The line came back: what was kept goes out at once. Otherwise it is repeated at its own pace. */
  #lineChanged() {
    const up = this.feed.mode === "live" || this.feed.mode === "polling";
    if (up && !this.#lineUp) this.commands.drain();
    this.#lineUp = up;
    this.#changed();
  }

  #announce({ arrived, cancelled, riders, urged, asked, nobody, asks }) {
    if (arrived.length) this.#ringFor(arrived);
    const alarming = [...nobody, ...asks];
    this.#reminders.alarm(alarming, Date.now());
    if (alarming.length) return;
    if (asked.length) this.sounds.play("request");
    else if (cancelled.length) this.sounds.play("cancelled");
    else if (riders.length) this.sounds.play("rider");
    else if (urged.length) this.sounds.play("late");
  }

  /** A card that left for another store, or came from one, does not do so silently. */
  #tellMoved({ events = [] }, known) {
    for (const event of events)
      if (event.store && event.seq > known) this.tell("plain", this.describe.moved(event));
  }

  #ringFor(ids) {
    this.unseen = new Set([...this.unseen, ...ids]);
    this.sounds.ring();
  }

  /** New orders that somebody has begun, here or elsewhere, are not new any more. */
  #dropBegun() {
    const left = stillWaiting(this.unseen, this.state.cards);
    if (left.size === this.unseen.size) return;
    this.unseen = left;
    if (left.size === 0) this.sounds.hush();
  }

  #settled(entry, answer) {
    if (answer.status < 300) return this.#keepAhead(answer.body);
    this.#keepAhead({ card: answer.body.card, seq: this.state.seq + 1 });
    this.tell("warn", this.describe.refusal(entry, answer, this));
  }

  #keepAhead({ card, seq }) {
    if (card) this.#ahead.set(card.id, { card, seq });
    this.#forgetAhead();
  }

  #forgetAhead() {
    for (const [id, { card, seq }] of this.#ahead) {
      const needed = seq > this.state.seq || undoUntil(card) > this.now;
      if (!needed) this.#ahead.delete(id);
    }
  }

  #tick() {
    this.notices = this.notices.filter((notice) => notice.until > Date.now());
    if (this.ready) this.#reminders.tick(this.cards, this.now, Date.now());
    this.#forgetAhead();
    this.#changed();
  }

  /** One look of the screen per frame, however many events come in between. */
  #changed() {
    if (this.#announced) return;
    this.#announced = true;
    BROWSER.setTimeout(() => {
      this.#announced = false;
      this.dispatchEvent(new Event("change"));
    }, FRAME_MS);
  }
}
