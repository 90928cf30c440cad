/** Every phrase of the rider's page that hangs on a step, a state or an answer. */

import { clock, fill } from "../board/format.js";

/** The label of a step's button. */
export function stepLabel(verb) {
  return {
    arrived: gettext("I am at the store"),
    "picked-up": gettext("Picked up"),
    "not-picked-up": gettext("Not picked up"),
    delivered: gettext("Delivered"),
    "given-back": gettext("Given back"),
    problem: gettext("Problem"),
    proof: gettext("Photo"),
  }[verb];
}

/** What the bar says right after a tap. */
export function stepDone({ verb, number }) {
  const words = {
    arrived: gettext("You are at the store"),
    "picked-up": gettext("#%(number)s picked up"),
    delivered: gettext("#%(number)s delivered"),
    "given-back": gettext("#%(number)s given back"),
  }[verb];
  return fill(words, { number });
}

/** Where a bag that is not on its way is to be found. */
export function shelfWords({ state, ready_at }, zone) {
  if (state === "cancelled" || state === "rejected") return gettext("Cancelled: do not take it");
  if (ready_at && (state === "ready" || state === "collected"))
    return fill(gettext("On the shelf since %(time)s"), { time: clock(ready_at, zone) });
  return gettext("Still being made");
}

export function channelName(channel) {
  return { meituan: gettext("Meituan"), eleme: gettext("Ele.me"), standard: "" }[channel] ?? "";
}

/** "8 Meituan": every platform counts its orders itself. */
export function stopName({ number, channel }) {
  return [number, channelName(channel)].filter(Boolean).join(" ");
}

/** Metres as a rider reads them. */
export function distance(metres) {
  const lang = document.documentElement.lang || "en";
  if (metres < 950) return `${Math.round(metres / 10) * 10} m`;
  return `${(metres / 1000).toLocaleString(lang, { maximumFractionDigits: 1 })} km`;
}

/** How long until, or since, the promised time: {words, late, near}. */
export function promise(promisedAt, now, zone) {
  const minutes = Math.ceil((Date.parse(promisedAt) - now) / 60_000);
  const time = clock(promisedAt, zone);
  if (minutes < 0)
    return { words: fill(gettext("%(minutes)s min late"), { minutes: -minutes }), late: true, near: false };
  const words = fill(gettext("%(minutes)s min · %(time)s"), { time, minutes });
  return { words, late: false, near: minutes <= 5 };
}

/** How things stand with the line, and how old the list is. */
export function lineWords({ line, age, list }, zone) {
  if (age === null)
    return line === "offline" ? gettext("No network, and no list yet") : gettext("No list yet");
  const time = clock(list.heard, zone);
  if (line === "offline") return fill(gettext("No network. The list is from %(time)s"), { time });
  if (age < 60_000) return gettext("Up to date");
  const minutes = Math.round(age / 60_000);
  return fill(gettext("The list is %(minutes)s min old (%(time)s)"), { minutes, time });
}

/** Why a step came to nothing. */
export function noticeWords({ entry, answer: { body } }, zone) {
  const values = { number: entry.number, step: stepLabel(entry.verb), time: clock(entry.at, zone) };
  if (body.by)
    return fill(gettext("#%(number)s: “%(step)s” (%(time)s) was not done. %(by)s changed it at %(at)s."), {
      ...values,
      by: body.by,
      at: clock(body.at, zone),
    });
  if (body.code === "not_found")
    return fill(gettext("#%(number)s: “%(step)s” (%(time)s) was not done. It is no longer yours."), values);
  return fill(gettext("#%(number)s: “%(step)s” (%(time)s) was not done. %(detail)s"), {
    ...values,
    detail: body.detail ?? "",
  });
}
