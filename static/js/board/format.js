/** Times, spans and money as the person's language writes them; clock times are the store's. */

const LOCALE = document.documentElement.lang || "en";

/** "10:32" in the store's zone, from milliseconds or an ISO string. */
export function clock(time, zone) {
  return clockFormat(zone).format(typeof time === "string" ? Date.parse(time) : time);
}

const formats = new Map();

function clockFormat(timeZone) {
  if (!formats.has(timeZone)) {
    const options = { timeZone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    formats.set(timeZone, new Intl.DateTimeFormat(LOCALE, options));
  }
  return formats.get(timeZone);
}

/** A span as a stop-watch shows it: 4:07, 1:02:30. */
export function span(seconds) {
  const two = (value) => String(value).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** One decimal, in the person's language: 0.3 */
export function tenths(value) {
  return value.toLocaleString(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** Minor units of a currency as money. */
export function money(minor, currency) {
  const format = new Intl.NumberFormat(LOCALE, {
    style: "currency",
    currency,
    currencyDisplay: "narrowSymbol",
  });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** Fill "%(name)s" in a translated text. */
export function fill(text, values) {
  return interpolate(text, values, true);
}
