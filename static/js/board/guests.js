/**
 * What guests want while they wait, pure: to cancel, to be paid back, to know where it is. No DOM, no clock,
 * no words.
 */

import { asksPerson, nobodyCarries, riderHere } from "./carriage.js";

const OPEN_STEPS = new Set(["applied", "appealed"]);
const CALLED_OFF = new Set(["rejected", "cancelled"]);
const OVER = new Set([...CALLED_OFF, "delivered"]);
const SOON_MS = 3 * 60_000;

/** The request that waits for the store's answer, or null. */
export function openRequest({ request, state }) {
  if (!request || !OPEN_STEPS.has(request.step) || request.answered) return null;
  return request.about === "refund" || !CALLED_OFF.has(state) ? request : null;
}

/**
 * Whether somebody at the counter must see the card, wherever it is: a wish, an urge, an end, a conflict, a
 * rider who waits, no rider at all.
 */
export function needsEye(card) {
  const guest = openRequest(card) !== null || urgeWaits(card);
  const carrier = riderHere(card) || nobodyCarries(card) || asksPerson(card) !== null;
  return guest || carrier || card.state === "cancelled" || card.conflict !== "";
}

/** Cards whose guests wait for an answer, the most urgent first. */
export function openRequests(cards) {
  return [...cards].filter(openRequest).sort((a, b) => urgency(a) - urgency(b));
}

function urgency({ request }) {
  return request.answer_by ? Date.parse(request.answer_by) : Date.parse(request.at) + 24 * 3_600_000;
}

/** Seconds until the platform agrees by itself, 0 when that is due; null if it never does. */
export function secondsToAnswer({ answer_by: answerBy }, now) {
  return answerBy ? Math.max(0, Math.ceil((Date.parse(answerBy) - now) / 1_000)) : null;
}

/** Ids of the cards whose guests the platform will soon answer by itself. */
export function soonAnswered(cards, now) {
  const soon = ({ request }) => request.answer_by && Date.parse(request.answer_by) - now < SOON_MS;
  return new Set(
    openRequests(cards)
      .filter(soon)
      .map(({ id }) => id),
  );
}

/** Whether a guest asks where the order is and nobody has answered. */
export function urgeWaits({ urges, urge_answered_at: answeredAt, state }) {
  return urges > 0 && !answeredAt && !OVER.has(state);
}

/** Ids of the cards with a request that was not there before. */
export function freshRequests(before, after) {
  return openRequests(after.values())
    .filter((card) => {
      const old = before.get(card.id);
      return !old || openRequest(old)?.at !== card.request.at;
    })
    .map(({ id }) => id);
}

/** The card as it will be once the server has taken the answer. */
export function predictAnswer(card, verb, { answer }, { by, at }) {
  if (verb === "urge") return { ...card, urge_answered_at: at };
  return { ...card, request: { ...card.request, answered: { answer, by, at } } };
}
