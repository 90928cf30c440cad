/** An ordered list that is changed in place: rows are added, moved and removed as the server would do it. */

/** What a button of the list is for: {verb, row, key}; null for any other button. */
export function meaning(value) {
  const [verb, row, ...key] = value.split(":");
  if (verb === "add" && row === undefined) {
    return { verb, row: "", key: "" };
  }
  return ["up", "down", "remove"].includes(verb) && row ? { verb, row, key: key.join(":") } : null;
}

/** The first id of the form "r1" that is not taken. */
export function freeId(taken) {
  const used = new Set(taken);
  for (let number = 1; ; number += 1) {
    if (!used.has(`r${number}`)) {
      return `r${number}`;
    }
  }
}

/** The text of a blank row, made out to an id. */
export function madeOut(html, id) {
  return html
    .replaceAll(/\b(name|id|for|value|data-rule|aria-describedby)="(id_)?new\b/g, `$1="$2${id}`)
    .replaceAll(/value="(up|down|remove):new\b/g, `value="$1:${id}`);
}

/** The sum of what stands in the fields; what is no whole number makes it null. */
export function total(texts) {
  const filled = texts.map((text) => text.trim()).filter((text) => text !== "");
  return filled.every((text) => /^\d{1,3}$/.test(text))
    ? filled.reduce((sum, text) => sum + Number(text), 0)
    : null;
}

/** Move an element one place among its siblings; false at the end. */
export function step(element, verb) {
  const beside = verb === "up" ? element.previousElementSibling : element.nextElementSibling;
  if (!beside) {
    return false;
  }
  const focused = document.activeElement;
  if (verb === "up") {
    beside.before(element);
  } else {
    beside.after(element);
  }
  focused?.focus({ preventScroll: true });
  return true;
}
