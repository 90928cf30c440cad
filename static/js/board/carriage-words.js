/** Phrases about who carries an order: why somebody is suggested, who was tried, what nobody knows. */

import { secondsUntil } from "./carriage.js";
import { clock, fill, money, span } from "./format.js";
import { reasonLabel } from "./words.js";

/** Why this carrier, in two or three words; "" where there is no reason worth the room. */
export function whyLabel(why) {
  const measured = why?.measured ? gettext("%(what)s so far") : "%(what)s";
  const words = {
    own_free: gettext("own rider, free"),
    own_joins: fill(gettext("own rider, takes it along: %(minutes)s min more"), {
      minutes: why?.minutes ?? "",
    }),
    own_last: gettext("nobody else is there"),
    cheapest: fill(measured, { what: gettext("cheapest") }),
    fastest: fill(measured, { what: gettext("fastest") }),
    reliable: fill(gettext("accepts %(accepted)s of %(offers)s"), {
      accepted: why?.accepted ?? "",
      offers: why?.offers ?? "",
    }),
    share: fill(gettext("its turn: %(given)s of %(total)s today"), {
      given: why?.given ?? "",
      total: why?.total ?? "",
    }),
    order: gettext("first in the list"),
    no_price: gettext("price not known"),
    no_time: gettext("time not known"),
    resting: gettext("resting, but nobody else is there"),
  }[why?.code];
  return words ?? "";
}

/** Why, what it costs, how long it takes: the small line under "Hand to …". */
export function suggestionFacts({ why, fee, minutes }, currency) {
  return [whyLabel(why), feeLabel(fee, currency), minutesLabel(minutes)].filter(Boolean).join(" · ");
}

export function feeLabel(fee, currency) {
  return fee === null || fee === undefined || !currency ? "" : money(fee, currency);
}

export function minutesLabel(minutes) {
  return minutes === null || minutes === undefined ? "" : fill(gettext("%(minutes)s min"), { minutes });
}

/** What the search does now. */
export function searchLabel(search, { carrier_name: name, state }, now) {
  const { next } = search;
  if (search.state === "seeking")
    return next ? fill(gettext("Asking %(name)s"), { name: next }) : gettext("Asking for prices …");
  if (state === "cancelling") return callingOff(name, search);
  const left = secondsUntil(search.accept_by, now);
  if (!left) return fill(gettext("Asking %(name)s"), { name });
  return fill(gettext("Asking %(name)s, %(left)s left"), { name, left: span(left) });
}

function callingOff(name, { next, automatic }) {
  if (next) return fill(gettext("Calling %(name)s off, then %(next)s"), { name, next });
  if (automatic) return fill(gettext("Calling %(name)s off, then the next one"), { name });
  return fill(gettext("Calling %(name)s off"), { name });
}

/** Who was asked in vain: "Dada: no rider in time". */
export function triedLabel({ name, cause, reason }) {
  const why = unseenLabel(reason) || causeLabel(cause) || reasonLabel(reason);
  return why ? fill(gettext("%(name)s: %(why)s"), { name, why }) : name;
}

/** An own rider's phone did not show it: that is not a courier without riders. */
function unseenLabel(reason) {
  return reason === "The rider's phone did not show it in time." ? gettext("phone did not show it") : "";
}

function causeLabel(cause) {
  return {
    store: gettext("called off"),
    guest: gettext("order cancelled"),
    no_rider: gettext("no rider in time"),
    rider: gettext("rider gave up"),
    courier: gettext("gave it back"),
    refused: gettext("refused"),
    unreachable: gettext("not reached"),
    returned: gettext("brought it back"),
    person: gettext("ended by hand"),
  }[cause];
}

/** What is known of a hand-off nobody can vouch for. */
export function knownLabel({ sent_at: sentAt, attempts, reason, number }, zone) {
  const asked = fill(ngettext("sent %(count)s time", "sent %(count)s times", attempts), { count: attempts });
  const words = [sentAt ? fill(gettext("sent at %(at)s"), { at: clock(sentAt, zone) }) : ""];
  if (attempts > 1) words.push(asked);
  if (number) words.push(fill(gettext("order number %(number)s"), { number }));
  return [...words, reasonLabel(reason)].filter(Boolean).join(" · ");
}

/** The marks of an offer. */
export function markLabel(mark) {
  return { cheapest: gettext("cheapest"), fastest: gettext("fastest"), suggested: gettext("suggested") }[
    mark
  ];
}

/** Where one bag of several stands. */
export function partLabel({ state, progress, search_state: search, next }) {
  if (next) return fill(gettext("then %(name)s"), { name: next });
  if (state === "delivered") return gettext("delivered");
  const moving = {
    searching: gettext("looking for a rider"),
    assigned: gettext("rider is coming"),
    at_store: gettext("rider is here"),
    picked_up: gettext("picked up"),
    returning: gettext("coming back"),
    returned: gettext("came back"),
  }[progress];
  const waits = {
    pending: gettext("being asked"),
    claimed: gettext("being asked"),
    sent: gettext("looking for a rider"),
    unknown: gettext("no answer yet"),
    confirmed: gettext("rider is booked"),
    cancelling: gettext("being called off"),
  }[state];
  if (waits) return (state === "confirmed" && moving) || waits;
  return (
    { nobody: gettext("nobody carries it"), seeking: gettext("being asked") }[search] ?? gettext("nobody yet")
  );
}

/** How an order with several bags stands: "1/3 picked up". */
export function bagsLabel(gone, bags) {
  return fill(gettext("%(gone)s/%(bags)s bags picked up"), { gone, bags });
}

/** A bag of several: "Bag 2 of 3". */
export function bagLabel({ bag, bags }) {
  return fill(gettext("Bag %(bag)s of %(bags)s"), { bag, bags });
}

/** How many orders stand still until somebody decides. */
export function alarmsLabel(count) {
  return fill(
    ngettext(
      "%(count)s order has no carrier and waits for you",
      "%(count)s orders have no carrier and wait for you",
      count,
    ),
    { count },
  );
}

/** How many orders stand on the shelf with nobody asked. */
export function leftLabel(count) {
  return fill(
    ngettext(
      "%(count)s order is on the shelf and nobody is asked to carry it",
      "%(count)s orders are on the shelf and nobody is asked to carry them",
      count,
    ),
    { count },
  );
}

const COUNTED_DOWN = 120; // seconds; below, a time of day is too coarse

/** A courier's state in the rail. */
export function carrierState({ state, rests_until: until }, now, zone) {
  if (state !== "resting") return gettext("ready");
  const left = secondsUntil(until, now);
  if (!left) return gettext("rests");
  if (left < COUNTED_DOWN) return fill(gettext("rests %(left)s more"), { left: span(left) });
  return fill(gettext("rests until %(at)s"), { at: clock(until, zone) });
}

/** The same in the dialog, where there is room for why. */
export function restLabel(until, now, zone) {
  const left = secondsUntil(until, now);
  if (!left) return gettext("does not answer, rests");
  if (left < COUNTED_DOWN) return fill(gettext("does not answer, rests %(left)s more"), { left: span(left) });
  return fill(gettext("does not answer, rests until %(at)s"), { at: clock(until, zone) });
}

/** What keeps a rider's phone from telling them of an order; "" if nothing does. */
export function phoneLabel(phone) {
  return { unconnected: gettext("no phone"), quiet: gettext("phone silent") }[phone] ?? "";
}

/** Why a courier names no price; what only its server says is nothing for the counter. */
export function priceless(error) {
  return /\bHTTP \d{3}\b/.test(error) ? gettext("no price right now") : reasonLabel(error);
}

/** The one sentence for a courier that was asked and has not answered. */
export function doubtLabel({ carrier_name: name }) {
  return fill(gettext("No answer from %(name)s, asking whether it has the order"), { name });
}
