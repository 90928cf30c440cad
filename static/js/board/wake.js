/** Keeps the screen of a counter tablet on while the board is looked at. */

export function keepAwake() {
  if (!navigator.wakeLock) return;
  const request = async () => {
    if (document.visibilityState !== "visible") return;
    // Refused on low battery: the board works on, the screen may dim.
    await navigator.wakeLock.request("screen").catch(() => {});
  };
  document.addEventListener("visibilitychange", request);
  request();
}
