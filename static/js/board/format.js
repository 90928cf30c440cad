/** Times, spans and money as the person's language writes them; clock times are the store's. */

const LOCALE = document.documentElement.lang || "en";

/** "10:32" in the store's zone, from milliseconds or an ISO string. */
export function clock(time, zone) {
  return clockFormat(zone, false).format(typeof time === "string" ? Date.parse(time) : time);
}

/** "10:32:05" in the store's zone. */
export function clockWithSeconds(time, zone) {
  return clockFormat(zone, true).format(time);
}

const formats = new Map();

function clockFormat(zone, seconds) {
  const key = `${zone} ${seconds}`;
  if (!formats.has(key)) {
    const options = { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    formats.set(key, new Intl.DateTimeFormat(LOCALE, seconds ? { ...options, second: "2-digit" } : options));
  }
  return formats.get(key);
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
  const format = new Intl.NumberFormat(LOCALE, { style: "currency", currency });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** Fill "%(name)s" in a translated text. */
export function fill(text, values) {
  return interpolate(text, values, true);
}
