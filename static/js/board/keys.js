/** The board's keys, pure: which action a key press means. Single letters can be turned off. */

const LETTERS = new Map([
  ["j", "down"],
  ["k", "up"],
  ["u", "undo"],
  ["r", "request"],
  ["n", "alarm"],
  ["b", "choose"],
  ["/", "search"],
  ["?", "help"],
]);
const NAMED = new Map([
  ["ArrowDown", "down"],
  ["ArrowUp", "up"],
  ["ArrowLeft", "left"],
  ["ArrowRight", "right"],
  ["Enter", "step"],
]);
const TYPING = new Set(["INPUT", "TEXTAREA", "SELECT"]);

/**
 * @param {KeyboardEvent} event of which key, target.tagName and the modifiers count
 * @returns {"down"|"up"|"left"|"right"|"step"|"undo"|"request"|"alarm"|"choose"|"search"|"help"|null}
 */
export function actionFor({ key, ctrlKey, metaKey, altKey, target }, { letters }) {
  if (ctrlKey || metaKey || altKey || TYPING.has(target.tagName)) return null;
  // Enter on a button is the button's own.
  if (key === "Enter" && target.tagName !== "ARTICLE") return null;
  return NAMED.get(key) ?? (letters ? LETTERS.get(key) : undefined) ?? null;
}

/**
 * The card to go to from card `id` in columns of ids; from nowhere it is the first card there is.
 * @param {number[][]} lists ids of the cards that can be seen, one list per column
 */
export function neighbour(lists, id, direction) {
  const column = lists.findIndex((list) => list.includes(id));
  if (column === -1) return lists.find((list) => list.length)?.[0] ?? null;
  const row = lists[column].indexOf(id);
  if (direction === "down" || direction === "up") {
    return lists[column][row + (direction === "down" ? 1 : -1)] ?? id;
  }
  const others = direction === "right" ? lists.slice(column + 1) : lists.slice(0, column).reverse();
  const next = others.find((list) => list.length);
  return next ? next[Math.min(row, next.length - 1)] : id;
}
