/**
 * The board's state, pure: a reducer over the frames of the feed, and what the screen reads from it.
 * No DOM, no clock, no words. Times are ISO 8601 UTC strings as on the wire; `now` is milliseconds.
 */

import {
  byCode,
  canHandOff,
  carriageNews,
  carrierSteps,
  hasHandoff,
  ownRider,
  riderHere,
} from "./carriage.js";
import { freshRequests, needsEye, openRequest } from "./guests.js";

export const EMPTY = Object.freeze({
  epoch: null,
  seq: 0,
  store: null,
  cards: new Map(),
  intake: null,
  wave: [],
});

export const COLUMNS = ["waiting", "making", "ready", "away"];

const WAITING = new Set(["held", "placed", "accepted"]);
const TO_MAKE = new Set([...WAITING, "making"]);
const ENDED = new Set(["delivered", "rejected", "cancelled"]);
const COLUMN_OF_STATE = {
  held: "waiting",
  placed: "waiting",
  accepted: "waiting",
  making: "making",
  ready: "ready",
  collected: "away",
  delivered: "away", // on the board only while its guest waits for an answer
};
/** The stamp a card got when it entered a column: columns are sorted by it, so newcomers join at the end. */
const ENTERED = { waiting: "placed_at", making: "started_at", ready: "ready_at", away: "collected_at" };
const FUNDING_INDEX = { paid: 1, subsidised: 2, free: 3 };
/** What an event adds to the wave: a moved order takes its minute along. */
const ADDED = { "order.placed": 1, "order.moved_in": 1, "order.moved": -1 };
const WAVE_MS = 3_600_000;

/* --- Reducer ----------------------------------------------------------------------------------- */

/**
 * Apply a frame of the feed. `gap` says that something is missing in between: the caller must resume,
 * and the state is what could be applied before the gap.
 * @returns {{state: object, gap: boolean}}
 */
export function reduce(state, frame) {
  if (frame.type === "snapshot") return { state: fromSnapshot(frame), gap: false };
  if (frame.type !== "events") return { state, gap: false };
  if (frame.epoch !== state.epoch) return { state, gap: true };
  let next = state;
  for (const event of frame.events) {
    if (event.seq <= next.seq) continue;
    if (event.seq !== next.seq + 1) return { state: next, gap: true };
    next = applyEvent(next, event);
  }
  return { state: next, gap: frame.seq > next.seq };
}

function fromSnapshot({ epoch, seq, store, cards, intake, wave }) {
  return { epoch, seq, store, cards: new Map(cards.map((card) => [card.id, card])), intake, wave };
}

function applyEvent(state, event) {
  const next = { ...state, seq: event.seq };
  if (event.intake) next.intake = event.intake;
  if (event.card) next.cards = withCard(state.cards, event.card);
  if (ADDED[event.kind]) next.wave = withArrival(state.wave, event, ADDED[event.kind]);
  return next;
}

function withCard(cards, card) {
  const next = new Map(cards);
  if (card.on_board) next.set(card.id, card);
  else next.delete(card.id);
  return next;
}

function withArrival(wave, { at, card }, added) {
  if (Date.parse(at) - Date.parse(card.received_at) > WAVE_MS) return wave;
  const minute = Math.floor(Date.parse(card.received_at) / 60_000) * 60;
  const index = FUNDING_INDEX[card.funding];
  const known = wave.some(([start]) => start === minute);
  const rows = known ? wave : [...wave, [minute, 0, 0, 0]].sort((a, b) => a[0] - b[0]);
  return rows.map((row) =>
    row[0] === minute ? row.map((n, i) => (i === index ? Math.max(0, n + added) : n)) : row,
  );
}

/* --- Columns and totals -------------------------------------------------------------------------- */

/** The column a card stands in, or null. A cancelled card stays where it was when it was cancelled. */
export function columnOf(card) {
  if (card.state !== "cancelled") return COLUMN_OF_STATE[card.state] ?? null;
  return COLUMNS.findLast((name) => card[ENTERED[name]]) ?? "waiting";
}

/** Cards by column, the longest there first; on the shelf those before all others that need a hand. */
export function columns(cards) {
  const found = Object.fromEntries(COLUMNS.map((name) => [name, []]));
  for (const card of cards) found[columnOf(card)]?.push(card);
  for (const name of COLUMNS) found[name].sort(byTime(ENTERED[name]));
  found.ready = [...found.ready.filter(needsHand), ...found.ready.filter((card) => !needsHand(card))];
  return found;
}

/** Whether somebody at the counter has to do something now: nobody carries it, somebody waits or asks. */
function needsHand(card) {
  return canHandOff(card) || needsEye(card);
}

function byTime(stamp) {
  return (a, b) => {
    const [left, right] = [a[stamp] ?? a.placed_at, b[stamp] ?? b.placed_at];
    if (left === right) return a.id - b.id;
    return left < right ? -1 : 1;
  };
}

/** Those of `ids` that still wait to be made; what somebody has begun needs no bell any more. */
export function stillWaiting(ids, cards) {
  return new Set([...ids].filter((id) => WAITING.has(cards.get(id)?.state)));
}

/** Cups that still have to be made. */
export function cupsToMake(cards) {
  return [...cards].reduce((sum, card) => sum + (TO_MAKE.has(card.state) ? card.cups : 0), 0);
}

/** Whole minutes until the last waiting cup is made, at the store's pace. */
export function minutesToClear(cards, cupsPerHour) {
  return Math.ceil((cupsToMake(cards) * 60) / cupsPerHour);
}

/** Drinks still to make, most first: [{name, count}]. */
export function drinkTotals(cards) {
  return totals(cards, (line) => [line.name]);
}

/** Choices (sugar, ice, toppings) still to make, most first: [{name, count}]. */
export function choiceTotals(cards) {
  return totals(cards, (line) => line.options.map((option) => option.value));
}

function totals(cards, namesOf) {
  const counts = new Map();
  for (const card of cards) {
    if (!TO_MAKE.has(card.state)) continue;
    for (const line of card.lines) {
      for (const name of namesOf(line)) counts.set(name, (counts.get(name) ?? 0) + line.quantity);
    }
  }
  return [...counts]
    .map(([name, count]) => ({ name, count }))
    .sort((a, b) => b.count - a.count || a.name.localeCompare(b.name));
}

/** One bar per minute, oldest first, gaps filled: [{minute, paid, subsidised, free, total}]. */
export function waveBars(wave, now, length = 60) {
  const rows = new Map(wave.map((row) => [row[0], row]));
  const last = Math.floor(now / 60_000) * 60;
  return Array.from({ length }, (_, index) => {
    const minute = last - (length - 1 - index) * 60;
    const [, paid, subsidised, free] = rows.get(minute) ?? [minute, 0, 0, 0];
    return { minute, paid, subsidised, free, total: paid + subsidised + free };
  });
}

/** Orders a minute the counter can keep up with, from its cups an hour and the cups an order has here. */
export function ordersPerMinute(cards, cupsPerHour) {
  const all = [...cards];
  const cups = all.reduce((sum, card) => sum + card.cups, 0);
  return cupsPerHour / 60 / (all.length ? cups / all.length : 1);
}

/** Orders that came in although the platform was told to stop. */
export function leaks(intake) {
  return intake.channels.reduce((sum, channel) => sum + channel.leaked, 0);
}

/** Cards whose pick-up code, number, guest or drink contains the text; code and number count first. */
export function search(cards, text) {
  const wanted = text.trim().replace(/^#/, "").toLowerCase();
  if (!wanted) return [];
  const coded = byCode(cards, wanted);
  const all = [...cards].filter((card) => !coded.includes(card));
  const numbered = all.filter((card) => card.number.toLowerCase().includes(wanted));
  const named = all.filter((card) => !numbered.includes(card) && words(card).includes(wanted));
  return [...coded, ...numbered.sort((a, b) => a.number.length - b.number.length), ...named];
}

function words(card) {
  const lines = card.lines.map((line) => line.name);
  return [card.external_id, card.customer?.name ?? "", ...lines].join(" ").toLowerCase();
}

/* --- One card ------------------------------------------------------------------------------------ */

const SOON_MS = 5 * 60_000;
const OLD_MS = 8 * 60_000;
const LATE_MS = 15 * 60_000;

/**
 * How long a card has waited in its column's sense, and how bad that is.
 * With a promise: amber five minutes before it, red after it. Without: amber at 8, red at 15 minutes.
 * @returns {{seconds: number, level: "calm"|"soon"|"late", dueIn: number|null}}
 */
export function age(card, now) {
  const column = columnOf(card);
  const since = column === "ready" || column === "away" ? card[ENTERED[column]] : card.placed_at;
  const elapsed = Math.max(0, now - Date.parse(since ?? card.placed_at));
  const dueIn = card.promised_at ? Date.parse(card.promised_at) - now : null;
  return { seconds: Math.floor(elapsed / 1000), level: ageLevel(card, elapsed, dueIn), dueIn };
}

function ageLevel(card, elapsed, dueIn) {
  if (ENDED.has(card.state)) return "calm";
  if (dueIn === null) return thresholds(elapsed, OLD_MS, LATE_MS);
  return thresholds(-dueIn, -SOON_MS, 0);
}

function thresholds(value, soon, late) {
  if (value >= late) return "late";
  return value >= soon ? "soon" : "calm";
}

/** The one next step of a card: a verb of the API, "handoff" (opens the dialog), or null. */
export function nextStep(card) {
  switch (card.state) {
    case "held":
    case "placed":
      return "accept";
    case "accepted":
      return "start";
    case "making":
      return "ready";
    case "ready":
      return stepFromShelf(card);
    case "collected":
      return ownRider(card) ? "handoff/delivered" : null;
    case "cancelled":
      return openRequest(card) ? null : "dismiss";
    default:
      return null;
  }
}

function stepFromShelf(card) {
  if (card.fulfilment !== "store_courier") return "collect";
  if (canHandOff(card)) return "handoff";
  if (ownRider(card)) return "handoff/picked-up";
  // A courier tells of the pick-up by itself; the counter that hands the bag over may be faster.
  return riderHere(card) && !(card.delivery.bags > 1) ? "collect" : null;
}

/** What else can be done with a card, in the order it is offered. */
export function otherSteps(card) {
  const steps = [];
  if (card.state === "held" || card.state === "placed") steps.push("reject");
  steps.push(...carrierSteps(card));
  if (card.state === "ready" && nextStep(card) !== "collect") steps.push("collect");
  if (card.state === "collected") steps.push("recall", "deliver");
  if (!ENDED.has(card.state)) steps.push("cancel");
  return steps;
}

/** Whether the counter can still say when it will be ready. */
export function canPostpone(card) {
  return TO_MAKE.has(card.state);
}

/**
 * Whether another store could make it: nobody has begun, and nobody comes for it to this store.
 * @param {Set<string>} hears what the card's platform can be told
 */
export function canMove(card, hears) {
  if (!WAITING.has(card.state) || card.fulfilment === "pickup" || hasHandoff(card)) return false;
  return card.fulfilment === "store_courier" || hears.has("order.self_delivery");
}

/** The second a step can be taken back until, or 0. */
export function undoUntil(card) {
  return card.undo ? Date.parse(card.undo.until) : 0;
}

const UNDOABLE = new Set(["accept", "start", "ready", "collect"]);
const UNDO_MS = 10_000;
const TARGET = {
  accept: ["accepted", "accepted_at"],
  start: ["making", "started_at"],
  ready: ["ready", "ready_at"],
  collect: ["collected", "collected_at"],
  deliver: ["delivered", "delivered_at"],
  reject: ["rejected", "ended_at"],
  cancel: ["cancelled", "ended_at"],
  recall: ["ready"],
};

/**
 * The card as it will be once the server has taken the verb; shown as pending until it says so.
 * Verbs that are not in the table leave the card as it is.
 */
export function predict(card, verb, at) {
  if (verb === "undo") return card.undo ? { ...card, state: card.undo.to, undo: null } : card;
  if (verb === "dismiss") return { ...card, on_board: false };
  if (!TARGET[verb]) return card;
  const [state, stamp] = TARGET[verb];
  const next = {
    ...card,
    state,
    ...(stamp && { [stamp]: at }),
    undo: UNDOABLE.has(verb) ? undoOf(card, at) : null,
  };
  const stays = state === "cancelled" || (state === "collected" && card.fulfilment === "store_courier");
  const leaves = ENDED.has(state) || state === "collected";
  return { ...next, on_board: stays || !leaves || openRequest(next) !== null };
}

function undoOf(card, at) {
  return { to: card.state, until: new Date(Date.parse(at) + UNDO_MS).toISOString() };
}

/* --- What deserves a sound ------------------------------------------------------------------------ */

/**
 * What is new between two states, by card id. The first snapshot counts only what nobody accepted yet:
 * opening a board must not ring for orders that are long in work.
 */
export function news(before, after) {
  const first = before.epoch === null;
  const found = { arrived: [], cancelled: [], urged: [], asked: [] };
  for (const card of after.cards.values()) {
    const old = before.cards.get(card.id);
    if (isArrival(card, old, first)) found.arrived.push(card.id);
    if (first || !old) continue;
    if (card.state === "cancelled" && old.state !== "cancelled") found.cancelled.push(card.id);
    if (card.urges > old.urges) found.urged.push(card.id);
  }
  found.asked = freshRequests(before.cards, after.cards);
  return { ...found, ...carriageNews(before.cards, after.cards) };
}

function isArrival(card, old, first) {
  if (old || !WAITING.has(card.state)) return false;
  return !first || card.state === "placed";
}

/** Ids of the cards that are past their promise, or too old. */
export function lateIds(cards, now) {
  return new Set([...cards].filter((card) => age(card, now).level === "late").map((card) => card.id));
}
