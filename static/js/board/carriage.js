/**
 * Who carries an order, pure: hand-offs, the search behind them, bags, riders at the counter, and what only a
 * person can decide. No DOM, no clock, no words.
 */

const LIVE = new Set(["pending", "claimed", "sent", "unknown", "confirmed", "cancelling"]);
const ON_THE_SHELF = new Set(["making", "ready"]);
const MUST_CALL_OFF = new Set(["claimed", "sent", "unknown", "confirmed"]);
const WITH_RIDER = new Set(["picked_up", "delivered", "returning", "returned"]);
const AT_WORK = new Set(["seeking", "offered"]);

/** Whether somebody is engaged to carry the order. */
export function hasLiveDelivery({ delivery }) {
  return Boolean(delivery) && LIVE.has(delivery.state);
}

/** Whether the courier was asked and nobody knows whether it has the order. */
export function inDoubt({ delivery }) {
  return delivery?.state === "unknown";
}

/** Whether a courier or rider of ours is engaged; the platform's rider is none of our business. */
export function hasHandoff(card) {
  return hasLiveDelivery(card) && card.delivery.carrier !== "platform";
}

/** Whether one of the store's own riders carries it. */
export function ownRider(card) {
  return hasLiveDelivery(card) && card.delivery.carrier === "own";
}

/** Whether the store still has to find somebody who carries it, or may do so. */
function isOurs({ fulfilment, state }) {
  return fulfilment === "store_courier" && ON_THE_SHELF.has(state);
}

/** The search while it goes on by itself: {state, accept_by, tried …}, or null. */
export function searching(card) {
  const search = card.delivery?.search;
  return search && isOurs(card) && AT_WORK.has(search.state) ? search : null;
}

/** Everybody was asked in vain: the order stands on the shelf and nobody looks any more. */
export function nobodyCarries(card) {
  return isOurs(card) && !hasLiveDelivery(card) && card.delivery?.search?.state === "nobody";
}

/** Nobody can find out whether the courier has it: what a person is asked, or null. */
export function asksPerson(card) {
  return (hasHandoff(card) && card.delivery.asks) || null;
}

/** Who should carry it, while nobody does and nobody is being asked; null if there is nobody to name. */
export function suggestion(card) {
  if (!isOurs(card) || hasLiveDelivery(card) || searching(card)) return null;
  return card.delivery?.suggestion ?? null;
}

/** Whether it stands on the shelf and can be given to somebody now; so it can be one of many. */
export function canHandOff(card) {
  return card.state === "ready" && isOurs(card) && !hasLiveDelivery(card) && !searching(card);
}

/** What a person may do about who carries it: verbs of the API, "handoff" and "handoff/instead" open the dialog. */
export function carrierSteps(card) {
  if (!isOurs(card)) return [];
  if (!hasHandoff(card)) return searching(card) ? ["handoff"] : [];
  const steps = callOffSteps(card.delivery);
  return WITH_RIDER.has(card.delivery.progress) ? steps : [...steps, "handoff/instead"];
}

/** What is called off already needs it no more, unless somebody is asked after it. */
function callOffSteps({ state, search }) {
  if (state !== "cancelling") return ["handoff/cancel"];
  if (search?.next) return ["handoff/alone"];
  return search?.automatic ? ["handoff/cancel"] : [];
}

/** How one bag of the card stands, as `delivery` tells it of the least advanced one. */
export function deliveryOf({ delivery }, bag) {
  const part = delivery?.bag === bag ? null : delivery?.parts?.find((one) => one.bag === bag);
  return part ? { ...delivery, ...part } : delivery;
}

/** Whether it can be given to somebody else only after a courier was called off, which may cost a fee. */
export function mustCallOff({ delivery }) {
  return delivery?.carrier !== "own" && MUST_CALL_OFF.has(delivery?.state);
}

/** Who stands at the counter while the bag is still here: {code, bag, bags, carrier_name, rider, at_store_since}. */
export function ridersHere(card) {
  const { delivery } = card;
  if (!delivery || !ON_THE_SHELF.has(card.state)) return [];
  const bags = parts(card).length ? parts(card) : [delivery];
  return bags
    .filter(({ state, progress }) => LIVE.has(state) && progress === "at_store")
    .map((bag) => ({ ...bag, bags: delivery.bags ?? 1, at_store_since: since(delivery, bag) }));
}

/** Of several bags the card tells the time of one. */
function since(delivery, { bag, handoff }) {
  if (bag !== delivery.bag && handoff !== delivery.handoff) return null;
  return delivery.at_store_since ?? delivery.since ?? null;
}

/** Whether somebody stands at the counter for it. */
export function riderHere(card) {
  return ridersHere(card).length > 0;
}

/** The bags of an order that goes with several riders; none if it goes in one piece. */
export function parts({ delivery }) {
  return delivery?.parts ?? [];
}

/** How many of its bags have left. */
export function bagsGone(card) {
  return parts(card).filter(({ state, progress }) => state === "delivered" || WITH_RIDER.has(progress))
    .length;
}

/** Cards one of whose bags has this pick-up code. */
export function byCode(cards, code) {
  const wanted = code.trim();
  if (!/^\d{4,6}$/.test(wanted)) return [];
  return [...cards].filter(
    (card) => card.delivery?.code === wanted || parts(card).some((part) => part.code === wanted),
  );
}

/** Which bag of a card has the code: {bag, bags, code}, or null. */
export function bagOf(card, code) {
  const part = parts(card).find((one) => one.code === code);
  const { delivery } = card;
  if (part) return { code, bag: part.bag, bags: delivery.bags };
  return delivery?.code === code && code ? { code, bag: delivery.bag ?? 1, bags: delivery.bags ?? 1 } : null;
}

/** Cards that stand still until somebody decides, the longest wait first. */
export function alarms(cards) {
  return [...cards]
    .filter((card) => nobodyCarries(card) || asksPerson(card))
    .sort((a, b) => Date.parse(a.delivery.since ?? 0) - Date.parse(b.delivery.since ?? 0) || a.id - b.id);
}

const LEFT_MS = 4 * 60_000;

/**
 * How often it has been time to remind of a card that stands on the shelf and nobody is asked to carry it: every
 * four minutes since it was ready, or since the last one who was asked. 0 is not yet; an alarm needs no reminder.
 */
export function reminders(card, now) {
  if (!canHandOff(card) || nobodyCarries(card)) return 0;
  return Math.max(0, Math.floor((now - leftSince(card)) / LEFT_MS)) || 0;
}

function leftSince({ ready_at: readyAt, delivery }) {
  return Math.max(Date.parse(readyAt), delivery?.handoff ? Date.parse(delivery.since) : 0);
}

/** Cards that stand on the shelf for minutes, and nobody is asked to carry them, the longest wait first. */
export function leftStanding(cards, now) {
  return [...cards]
    .filter((card) => reminders(card, now))
    .sort((a, b) => leftSince(a) - leftSince(b) || a.id - b.id);
}

/** Whole seconds from `now` until a moment, 0 once it is past, null without one. */
export function secondsUntil(moment, now) {
  return moment ? Math.max(0, Math.ceil((Date.parse(moment) - now) / 1_000)) : null;
}

/** Whole seconds since a moment, null without one. */
export function secondsSince(moment, now) {
  return moment ? Math.max(0, Math.floor((now - Date.parse(moment)) / 1_000)) : null;
}

/** What a hand-off's verb has to name when the order goes in several bags. */
export function bagBody({ delivery }) {
  return (delivery?.bags ?? 1) > 1 ? { bag: delivery.bag } : {};
}

/** A suggestion, or anybody by key ("courier:3"), as the API takes it. */
export function carrierBody(key) {
  const [kind, id] = key.split(":");
  return { [kind]: Number(id) };
}

const BLANK = { handoff: null, progress: "", rider: "", rider_phone: "", eta: null, reason: "" };

/** The card as it will be once the server has taken what was pressed for its rider. */
export function predictCarriage(card, verb, { at, name = "" }) {
  const { delivery } = card;
  if (verb === "handoff") {
    const asked = { ...BLANK, ...delivery, carrier: "", carrier_name: name, state: "pending", progress: "" };
    return {
      ...card,
      delivery: { ...asked, rider: "", eta: null, search: null, suggestion: null, since: at },
    };
  }
  if (!delivery || delivery.bags > 1) return card;
  if (verb === "handoff/picked-up")
    return {
      ...card,
      state: "collected",
      collected_at: at,
      delivery: { ...delivery, progress: "picked_up" },
    };
  if (verb === "handoff/delivered")
    return {
      ...card,
      state: "delivered",
      on_board: false,
      delivery: { ...delivery, state: "delivered", progress: "delivered" },
    };
  return card;
}

/**
 * All that can carry an order, for the dialog: riders at work first, then couriers, then who is not at work.
 * @param {{riders: object[], couriers: object[]}} carriers as the API gives them
 * @param {object[]|null} offers of the race, null while it runs
 * @returns {object[]} {key, kind, name, live, phone, asleep, restsUntil, fee, currency, minutes, error, marks, quote}
 */
export function choices({ riders, couriers }, offers) {
  const found = new Map((offers ?? []).map((offer) => [offer.key, offer]));
  const all = [...riders.map(riderChoice), ...couriers.map(courierChoice)];
  return all.map((one) => modest({ ...one, ...offerOf(found.get(one.key)) })).sort(byReach);
}

function riderChoice({ id, name, live, phone = "", on_shift: atWork = true }) {
  return { key: `rider:${id}`, kind: "rider", name, live, phone, asleep: !atWork, restsUntil: null };
}

function courierChoice({ id, name, live = 0, state = "ready", rests_until: until = null }) {
  const resting = state === "resting";
  return { key: `courier:${id}`, kind: "courier", name, live, asleep: resting, restsUntil: until };
}

function offerOf(offer) {
  const { fee = null, currency = "", minutes = null, error = "", marks = [], quote = null } = offer ?? {};
  return { fee, currency, minutes, error, marks, quote };
}

/** Who rests, or could not even name a price, is neither the fastest nor to be asked first. */
function modest(one) {
  return one.asleep || one.error ? { ...one, marks: [] } : one;
}

function byReach(a, b) {
  const rank = (one) =>
    (one.asleep ? 8 : 0) + (one.kind === "rider" ? 0 : 4) + (one.phone ? 2 : 0) + (one.live ? 1 : 0);
  const costs = (a.fee ?? Number.POSITIVE_INFINITY) - (b.fee ?? Number.POSITIVE_INFINITY);
  const suggested = Number(b.marks.includes("suggested")) - Number(a.marks.includes("suggested"));
  const answered = Number(Boolean(a.error)) - Number(Boolean(b.error));
  if (a.kind === b.kind && a.kind === "courier" && a.asleep === b.asleep)
    return answered || suggested || costs || a.name.localeCompare(b.name);
  return rank(a) - rank(b) || a.name.localeCompare(b.name);
}

/** What is new about carriers between two sets of cards, by card id: riders here, nobody found, a question. */
export function carriageNews(before, after) {
  const found = { riders: [], nobody: [], asks: [] };
  for (const card of after.values()) {
    const old = before.get(card.id);
    if (old && ridersHere(card).length > ridersHere(old).length) found.riders.push(card.id);
    if (nobodyCarries(card) && !(old && nobodyCarries(old))) found.nobody.push(card.id);
    if (asksPerson(card) && !(old && asksPerson(old))) found.asks.push(card.id);
  }
  return found;
}
