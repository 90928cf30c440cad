/** What this device remembers: volume, single-letter keys, theme. Kept in localStorage. */

const KEY = "portal.settings";
const DEFAULTS = { volume: 0.6, letters: true, theme: "dark" };

export function readSettings() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY)) };
  } catch {
    return { ...DEFAULTS };
  }
}

/** Change one setting and return all of them. */
export function changeSetting(name, value) {
  const settings = { ...readSettings(), [name]: value };
  localStorage.setItem(KEY, JSON.stringify(settings));
  return settings;
}
