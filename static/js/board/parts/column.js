/**
 * A column of cards. It shows as many as fit and says how many more there are; a press on that shows
 * the next ones. Where a whole card no longer fits, the next ones are folded: number, age, and what is in
 * them in one line. What fits is measured after every change of size or content.
 */

import { html, nothing, repeat } from "../../../vendor/lit-3.3.3.js";
import { canHandOff } from "../carriage.js";
import { fill } from "../format.js";
import { needsEye } from "../guests.js";
import { columnLabel, emptyColumn } from "../words.js";
import { icon, Piece } from "./piece.js";

/** More cards than any screen can hold; the rest is only counted. */
const RENDERED = 16;
const ON_PHONE = 8;

class BoardColumn extends Piece {
  static properties = {
    name: {},
    /** [{card, hears, pending, unseen, gone, chosen}], the oldest first */
    items: { attribute: false },
    now: { attribute: false },
    zone: {},
    /** Id of the card that was looked for, or null */
    lit: { attribute: false },
    choosing: { type: Boolean },
    from: { state: true },
    fitting: { state: true },
  };

  constructor() {
    super();
    this.items = [];
    this.from = 0;
    this.fitting = RENDERED;
  }

  #watch = new ResizeObserver(() => this.#measure());

  connectedCallback() {
    super.connectedCallback();
    this.#watch.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.#watch.disconnect();
  }

  #stale = true;

  willUpdate(changed) {
    if (this.from >= this.items.length) this.from = 0;
    // Measuring costs a layout: a clock that ticked is no reason for it.
    const old = changed.get("items");
    if (changed.has("from") || changed.has("choosing")) this.#stale = true;
    if (old && !sameCards(old, this.items)) this.#stale = true;
  }

  /** Turn to the page the card is on, if it is in this column. */
  async shown(id) {
    const index = this.items.findIndex(({ card }) => card.id === id);
    if (index === -1) return;
    if (index < this.from || index >= this.from + this.fitting) this.from = index;
    await this.updateComplete;
  }

  async updated() {
    if (!this.#stale) return;
    this.#stale = false;
    // Cards render after their column: only then they have their height.
    await Promise.all([...this.querySelectorAll("order-card")].map((card) => card.updateComplete));
    this.#measure();
  }

  render() {
    const page = this.items.slice(this.from, this.from + RENDERED);
    // A cancelled card stays until somebody saw it, but it is no work.
    const count = this.items.filter(({ card, gone }) => !gone && card.state !== "cancelled").length;
    return html`
      <header class="column-head">
        <h2>${columnLabel(this.name)}</h2>
        <span class="column-count">${count}</span>
        ${this.name === "ready" ? this.#choose() : nothing}
        <span class="column-turn">
          ${this.from ? this.#back() : nothing} ${this.#more()}
        </span>
      </header>
      ${this.items.length ? nothing : html`<p class="column-empty">${emptyColumn(this.name)}</p>`}
      <ol class="cards">
        ${repeat(
          page,
          ({ card }) => card.id,
          (item) => this.#slot(item),
        )}
      </ol>`;
  }

  #slot({ card, hears, pending, unseen, gone, chosen }) {
    return html`<li class="slot"><order-card .card=${card} .now=${this.now} .zone=${this.zone}
      .hears=${hears} ?pending=${pending} ?unseen=${unseen} ?gone=${gone} ?choosing=${this.choosing}
      ?chosen=${chosen} ?lit=${this.lit === card.id}></order-card></li>`;
  }

  /** Several orders handed off at once: begins and ends the choosing. */
  #choose() {
    if (!this.choosing && !this.items.some(({ card }) => canHandOff(card))) return nothing;
    const label = gettext("Choose several orders to hand off");
    return html`<button type="button" class="button button-icon column-choose" aria-label=${label} title=${label}
      aria-pressed=${String(this.choosing)} @click=${() => this.emit("choose-many")}>${icon("layers")}<span class="column-choose-words" aria-hidden="true">${gettext("Choose several")}</span></button>`;
  }

  #back() {
    return html`<button type="button" class="button button-icon column-back" aria-label=${this.#backLabel()}
      @click=${() => this.#turn(0)}>${icon("chevron-left")}</button>`;
  }

  #backLabel() {
    return this.name === "ready" ? gettext("Back to the first") : gettext("Back to the oldest");
  }

  #more() {
    const rest = this.items.length - this.from - this.fitting;
    if (rest <= 0) return nothing;
    const words = fill(ngettext("%(count)s more", "%(count)s more", rest), { count: rest });
    return html`<button type="button" class="button" title=${words}
      @click=${() => this.#turn(this.from + this.fitting)}>
      <span class="column-rest" aria-hidden="true">+${rest}</span><span class="visually-hidden">${words}</span> ${this.#unseen()}
      ${icon("chevron-right")}
    </button>`;
  }

  /** How many cards that do not fit need somebody. */
  #unseen() {
    const beyond = this.items.slice(this.from + this.fitting);
    const count = beyond.filter(({ card }) => needsEye(card)).length;
    if (!count) return nothing;
    const words = ngettext("%(count)s of them needs you", "%(count)s of them need you", count);
    return html`<span class="column-eye" title=${fill(words, { count })}>
      ${icon("triangle-alert")}<span aria-hidden="true">${count}</span>
      <span class="visually-hidden">${fill(words, { count })}</span>
    </span>`;
  }

  #turn(from) {
    this.from = from;
  }

  /**
   * Fold the cards from the first on that does not fit as a whole, and hide those that do not fit even so. The
   * first is always shown, however long it is.
   */
  #measure() {
    const list = this.querySelector(".cards");
    if (!list) return;
    const slots = [...list.children];
    for (const slot of slots) {
      slot.hidden = false;
      slot.classList.remove("is-folded");
    }
    // On a phone the page itself scrolls: a fixed number of cards is enough there.
    const limited = getComputedStyle(list).overflowY === "hidden";
    const whole = limited ? firstOver(slots, list) : Math.min(slots.length, ON_PHONE);
    if (limited) for (const slot of slots.slice(whole)) slot.classList.add("is-folded");
    const fitting = limited && whole < slots.length ? firstOver(slots, list) : whole;
    for (const slot of slots.slice(fitting)) slot.hidden = true;
    this.fitting = fitting;
  }
}

/** Index of the first card, but the very first, that sticks out of the list; their number if none does. */
function firstOver(slots, list) {
  const box = list.getBoundingClientRect();
  const over = slots.findIndex((slot, index) => index > 0 && sticksOut(slot.getBoundingClientRect(), box));
  return over === -1 ? slots.length : over;
}

function sameCards(old, items) {
  const same = (item, other) =>
    item.card === other.card && item.gone === other.gone && item.pending === other.pending;
  return old.length === items.length && items.every((item, index) => same(item, old[index]));
}

function sticksOut(inner, outer) {
  return inner.bottom > outer.bottom + 1 || inner.right > outer.right + 1;
}

customElements.define("board-column", BoardColumn);
