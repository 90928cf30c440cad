/** The list as the rider left it: what the portal said last, with everything still kept on the phone on top. No DOM. */

const ENDED = new Set(["cancelled", "rejected"]);

/**
 * @param {{stops: object[], delivered: number} | null} list as `stops` answers it
 * @param {object[]} entries kept ones, oldest first (see queue.js)
 * @returns {{way: object[], shelf: object[], delivered: number, waiting: number}} stops under way, stops to pick
 *   up, orders delivered this shift, and how many taps the portal has not heard of. Stops carry `pending`.
 */
export function fold(list, entries) {
  const stops = (list?.stops ?? []).map((stop) => bent(stop, entries));
  const open = stops.filter((stop) => stop.bags.length);
  const done = stops.filter((stop) => stop.gone === "delivered");
  return {
    way: open.filter(isUnderWay),
    shelf: open.filter((stop) => !isUnderWay(stop)),
    delivered: (list?.delivered ?? 0) + done.length,
    waiting: new Set(entries.map(({ tap }) => tap)).size,
  };
}

/** A stop after the entries that concern its bags; `gone` is the step that took the last bag off the list. */
function bent(stop, entries) {
  const mine = entries.filter((entry) => stop.bags.some(({ handoff }) => handoff === entry.handoff));
  const result = { ...stop, bags: stop.bags, pending: mine.length > 0, gone: "" };
  for (const entry of mine) STEPS[entry.verb]?.(result, entry);
  return result;
}

const STEPS = {
  "picked-up": (stop, entry) => mark(stop, entry, true),
  "not-picked-up": (stop, entry) => mark(stop, entry, false),
  arrived: (stop, entry) => come(stop, entry, new Date(entry.at).toISOString()),
  "not-arrived": (stop, entry) => come(stop, entry, null),
  delivered: leave,
  "given-back": leave,
  problem: (stop, { body }) => {
    stop.reported = body?.code ?? "other";
  },
  proof: (stop) => {
    stop.proven = true;
  },
};

function mark(stop, { handoff }, picked) {
  stop.bags = stop.bags.map((bag) => (bag.handoff === handoff ? { ...bag, picked_up: picked } : bag));
}

function come(stop, { handoff }, here) {
  stop.bags = stop.bags.map((bag) => (bag.handoff === handoff ? { ...bag, here } : bag));
}

function leave(stop, { handoff, verb }) {
  stop.bags = stop.bags.filter((bag) => bag.handoff !== handoff);
  if (!stop.bags.length) stop.gone = verb;
}

/** Whether nobody waits for it any more. */
export function hasEnded({ state }) {
  return ENDED.has(state);
}

/** Stops on the shelf for which the counter has not heard that the rider is here. */
export function unannounced(shelf) {
  return shelf.filter(({ state, bags }) => !ENDED.has(state) && bags.some(isAway));
}

/** The bags of a stop that a step makes sense for: what is on the road is not declined with what is on the shelf. */
export function bagsFor({ bags }, verb) {
  const waiting = bags.filter((bag) => !bag.picked_up);
  if (verb === "picked-up" || (verb === "given-back" && waiting.length)) return waiting;
  return bags;
}

/** Since when the counter has known that the rider is at the store; null if it does not. */
export function hereSince(shelf) {
  return (
    shelf
      .flatMap(({ bags }) => bags)
      .map(({ here }) => here)
      .filter(Boolean)
      .sort()[0] ?? null
  );
}

function isAway({ picked_up, here }) {
  return !picked_up && !here;
}

function isUnderWay({ bags }) {
  return bags.every(({ picked_up }) => picked_up);
}
