/** Every phrase that hangs on a state, a step or an answer; plain words for the people at the counter. */

import { clock, fill } from "./format.js";

/** The label of a step's button. */
export function stepLabel(step) {
  return {
    accept: gettext("Accept"),
    start: gettext("Start"),
    ready: gettext("Ready"),
    collect: gettext("Collected"),
    deliver: gettext("Delivered"),
    reject: gettext("Reject"),
    cancel: gettext("Cancel order"),
    recall: gettext("Back to the shelf"),
    dismiss: gettext("Seen"),
    handoff: gettext("Hand off"),
    "handoff/cancel": gettext("Call the rider off"),
    "handoff/alone": gettext("Ask nobody else"),
    "handoff/instead": gettext("Give it to somebody else"),
    "handoff/picked-up": gettext("Picked up"),
    "handoff/delivered": gettext("Delivered"),
  }[step];
}

export function stepIcon(step) {
  return {
    accept: "check",
    start: "play",
    ready: "package-check",
    collect: "shopping-bag",
    dismiss: "eye",
    handoff: "bike",
    "handoff/picked-up": "bike",
    "handoff/delivered": "check",
  }[step];
}

/** What the toast says after a step; %(number)s is the order's number. */
export function stepDone(state) {
  return {
    placed: gettext("#%(number)s is waiting again"),
    accepted: gettext("#%(number)s accepted"),
    making: gettext("#%(number)s is being made"),
    ready: gettext("#%(number)s is ready"),
    collected: gettext("#%(number)s collected"),
    delivered: gettext("#%(number)s delivered"),
    rejected: gettext("#%(number)s rejected"),
    cancelled: gettext("#%(number)s cancelled"),
  }[state];
}

export function stateLabel(state) {
  return {
    held: gettext("Held"),
    placed: gettext("New"),
    accepted: gettext("Accepted"),
    making: gettext("Making"),
    ready: gettext("Ready"),
    collected: gettext("On the way"),
    delivered: gettext("Delivered"),
    rejected: gettext("Rejected"),
    cancelled: gettext("Cancelled"),
  }[state];
}

export function columnLabel(column) {
  return {
    waiting: gettext("Waiting"),
    making: gettext("Making"),
    ready: gettext("Ready"),
    away: gettext("On the way"),
  }[column];
}

export function emptyColumn(column) {
  return {
    waiting: gettext("No order waits."),
    making: gettext("Nothing is being made."),
    ready: gettext("The shelf is empty."),
    away: gettext("Nobody is on the way."),
  }[column];
}

export function fulfilmentLabel(fulfilment) {
  return {
    platform_courier: gettext("Platform rider"),
    store_courier: gettext("Delivery by us"),
    pickup: gettext("Pick-up"),
  }[fulfilment];
}

/** Where the delivery stands, in one short line. */
export function deliveryLabel(delivery) {
  const byProgress = {
    searching: gettext("Looking for a rider"),
    assigned: gettext("Rider is coming"),
    at_store: gettext("Rider is here"),
    picked_up: gettext("Rider has it"),
    delivered: gettext("Delivered"),
    returning: gettext("Coming back"),
    returned: gettext("Came back"),
  };
  const byState = {
    pending: gettext("Calling a rider"),
    claimed: gettext("Calling a rider"),
    sent: gettext("Calling a rider"),
    unknown: gettext("No answer from the courier, asking again"),
    confirmed: gettext("Rider is booked"),
    cancelling: gettext("Calling the rider off"),
    cancelled: gettext("Rider called off"),
    failed: gettext("Hand-off failed"),
    delivered: gettext("Delivered"),
  };
  if (delivery.carrier === "platform") return byProgress[delivery.progress] ?? givenUp(delivery.state);
  const settled = delivery.state === "confirmed" || delivery.state === "delivered";
  return (settled && byProgress[delivery.progress]) || byState[delivery.state];
}

/** The platform's rider does not come; the platform finds another, or leaves it to the store. */
function givenUp(state) {
  return state === "failed"
    ? gettext("The platform's rider gave up")
    : gettext("The platform sends no rider");
}

/** What the counter calls the platform; an account of no big platform goes by its own name. */
export function platformLabel({ channel, account }) {
  return { eleme: gettext("Ele.me"), meituan: gettext("Meituan") }[channel] ?? account;
}

/** An order by its number and platform: each platform counts its own. */
export function orderName(card) {
  return `${card.number} ${platformLabel(card)}`;
}

export function channelState(state) {
  return {
    waiting: gettext("not told yet"),
    told: gettext("told, not confirmed"),
    confirmed: gettext("confirmed"),
    failed: gettext("cannot be told"),
  }[state];
}

export function pauseReasons() {
  return [
    gettext("Too many orders"),
    gettext("Out of ingredients"),
    gettext("Short of staff"),
    gettext("Machine is down"),
  ];
}

/** Why an order ends: what is sent, which platforms' codes hang on, and what the reader sees. */
export function endReasons(verb) {
  const shared = [
    ["Sold out", gettext("Sold out")],
    ["Too many orders", gettext("Too many orders")],
    ["Store is closing", gettext("Store is closing")],
  ];
  if (verb === "reject") return shared;
  return [
    ...shared,
    ["Guest asked for it", gettext("Guest asked for it")],
    ["Spilled or damaged", gettext("Spilled or damaged")],
  ];
}

/** Why a request is refused; guests read it, so it goes out in the words the counter sees. */
export function refuseReasons() {
  return [
    gettext("It is made already"),
    gettext("It is on its way already"),
    gettext("We found nothing wrong with it"),
  ];
}

/** What can be said to a guest who asks where the order is. */
export function urgeAnswers() {
  return [
    ["making", gettext("It is being made")],
    ["on_the_way", gettext("It is on its way")],
  ];
}

/** What the guest wants; the amount is money as text, or "". */
export function requestTitle({ about, step, whole }, amount) {
  if (step === "appealed") return gettext("The guest objects to your refusal");
  if (about === "cancel") return gettext("The guest wants to cancel");
  const what = whole ? gettext("The guest wants the money back") : gettext("The guest wants some money back");
  return amount ? fill(gettext("%(what)s: %(amount)s"), { what, amount }) : what;
}

/** How a request ended, or who answered it. */
export function requestOutcome({ step, answered, at }, zone) {
  if (answered) {
    const words =
      answered.answer === "agree" ? gettext("%(by)s agreed, %(at)s") : gettext("%(by)s refused, %(at)s");
    return fill(words, { by: answered.by, at: clock(answered.at, zone) });
  }
  const words = {
    agreed: gettext("The request was agreed to, %(at)s"),
    refused: gettext("The request was refused, %(at)s"),
    withdrawn: gettext("The guest took the request back, %(at)s"),
    upheld: gettext("The platform decided for the guest, %(at)s"),
    overruled: gettext("The platform decided for the store, %(at)s"),
  }[step];
  return words && fill(words, { at: clock(at, zone) });
}

/** What the platform believes that cannot be true, and what to do about it. */
export function conflictWords(conflict) {
  return {
    accepted: gettext("The platform goes on with it: make it, or call them."),
    completed: gettext("For the platform it is done: did the guest get it?"),
    open: gettext("Not accepted at the platform: accept it there."),
    uncancelled: gettext("The platform did not cancel it: the guest still waits."),
    missing: gettext("The platform does not know it: ask before you make it."),
  }[conflict];
}

/** An order left for another store, or came from one. */
export function moved({ kind, actor, card, store }) {
  const words =
    kind === "order.moved"
      ? gettext("#%(number)s is made by %(store)s now (%(by)s).")
      : gettext("#%(number)s came from %(store)s (%(by)s).");
  return fill(words, {
    number: orderName(card),
    store: `${store.code} ${store.name}`,
    by: actorLabel(actor),
  });
}

/** Who did something: people by their names, parts of the system in the reader's words. */
export function actorLabel(label) {
  const parts = new Map([
    ["timer", gettext("Timer")],
    ["platform", gettext("Platform")],
    ["portal", gettext("Portal")],
    ["customer", gettext("Guest")],
  ]);
  return parts.get(label) ?? label;
}

/** A stored reason: the portal's own are stored in English, what couriers and people said stays as it is. */
export function reasonLabel(reason) {
  const code = /^The courier reports status (.+)\.$/.exec(reason)?.[1];
  return code ? fill(gettext("The courier reports status %(code)s."), { code }) : reason && gettext(reason);
}

function commandLabel({ verb, body }) {
  if (verb === "undo") return gettext("Undo");
  return stepLabel(verb) ?? answerLabel(verb === "urge" ? verb : body.answer);
}

/** The label of an answer's button. */
export function answerLabel(answer) {
  return { agree: gettext("Agree"), refuse: gettext("Refuse"), urge: gettext("Answer") }[answer];
}

/** Why a kept step came to nothing, for the person who pressed it. */
export function refusal(entry, { status, body }, board) {
  const values = { number: entry.number, step: commandLabel(entry) };
  if (status === 409 && body.by) {
    const told = {
      ...values,
      by: actorLabel(body.by),
      at: clock(body.at, board.zone),
      state: stateLabel(body.card?.state),
    };
    return fill(
      gettext("#%(number)s: “%(step)s” was not done. %(by)s changed it at %(at)s, it is now: %(state)s."),
      told,
    );
  }
  if (status === 404) return fill(gettext("#%(number)s: this order is not on this board any more."), values);
  return fill(gettext("#%(number)s: “%(step)s” was not done. %(detail)s"), {
    ...values,
    detail: body.detail ?? "",
  });
}

/** Why a command that is not kept failed; `answer` is null when nothing came back. */
export function failure(answer, board) {
  if (!answer) return gettext("The portal could not be reached. Nothing was changed; please try again.");
  const { status, body } = answer;
  if (status === 401 || status === 403)
    return gettext("You are signed out. Sign in again; nothing was changed.");
  if (status === 409 && body.by) {
    const values = { by: actorLabel(body.by), at: clock(body.at, board.zone) };
    return fill(gettext("%(by)s was faster, at %(at)s. The board shows how it stands now."), values);
  }
  return body.detail || gettext("The portal could not do that. Nothing was changed; please try again.");
}
