/**
 * Keeps columns still while somebody's finger is on the board, pure: cards that leave keep their place
 * (marked as gone) and newcomers wait until the finger has rested. Times are milliseconds of one clock.
 */

const MOVED_MS = 120; // a press so soon after a card moved was meant for the card that stood there before

export class Stillness {
  static REST_MS = 250;
  #down = false;
  #liftedAt = Number.NEGATIVE_INFINITY;
  #shown = {};
  #movedAt = new Map();

  touch(down, now) {
    this.#down = down;
    if (!down) this.#liftedAt = now;
  }

  holds(now) {
    return this.#down || now - this.#liftedAt < Stillness.REST_MS;
  }

  /**
   * @param {Record<string, object[]>} columns cards by column as they are
   * @returns {Record<string, {card: object, gone: boolean}[]>} as they are to be shown now
   */
  layout(columns, now) {
    const next = {};
    for (const [name, cards] of Object.entries(columns)) {
      const old = this.#shown[name] ?? [];
      next[name] = this.holds(now)
        ? still(old, cards, columns)
        : cards.map((card) => ({ card, gone: false }));
      this.#noteMoves(old, next[name], now);
    }
    this.#shown = next;
    return next;
  }

  /** Whether the card came to its place so lately that a press on it may have meant another one. */
  justMoved(id, now) {
    return now - (this.#movedAt.get(id) ?? Number.NEGATIVE_INFINITY) < MOVED_MS;
  }

  #noteMoves(old, next, now) {
    const before = new Map(old.map(({ card }, index) => [card.id, index]));
    next.forEach(({ card }, index) => {
      if (before.get(card.id) !== index) this.#movedAt.set(card.id, now);
    });
  }
}

/** What makes a card taller; it waits until the finger is off. */
const TALL = ["request", "conflict", "urges", "urge_answered_at", "complete", "delivery"];

/** The card as it is now, as high as it was. */
function steady(old, card) {
  if (TALL.every((name) => old[name] === card[name])) return card;
  return { ...card, ...Object.fromEntries(TALL.map((name) => [name, old[name]])) };
}

/** The old places, with the cards as they are now; what left shows its newest state and is gone. */
function still(old, cards, columns) {
  const here = new Map(cards.map((card) => [card.id, card]));
  const anywhere = new Map(
    Object.values(columns)
      .flat()
      .map((card) => [card.id, card]),
  );
  const kept = old.map(({ card }) => ({
    card: steady(card, here.get(card.id) ?? anywhere.get(card.id) ?? card),
    gone: !here.has(card.id),
  }));
  // Below the last card nothing is in the way of a finger: newcomers may join there.
  const known = new Set(old.map(({ card }) => card.id));
  return [...kept, ...cards.filter((card) => !known.has(card.id)).map((card) => ({ card, gone: false }))];
}
