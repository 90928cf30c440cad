/** An order's card. Its big button is the next step; the small one opens everything else. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { canHandOff, nobodyCarries, suggestion } from "../carriage.js";
import { clock, fill, span } from "../format.js";
import { openRequest, urgeWaits } from "../guests.js";
import { age, canPostpone, columnOf, nextStep } from "../state.js";
import {
  actorLabel,
  fulfilmentLabel,
  orderName,
  platformLabel,
  reasonLabel,
  stateLabel,
  stepIcon,
  stepLabel,
} from "../words.js";
import { conflictBand, requestBand, urgeBand } from "./asks.js";
import { carriageBands } from "./carriage.js";
import { icon, iconButton, Piece } from "./piece.js";

class OrderCard extends Piece {
  static properties = {
    card: { attribute: false },
    /** Milliseconds, to the second. */
    now: { attribute: false },
    zone: {},
    /** Set of the calls the card's platform has ears for */
    hears: { attribute: false },
    pending: { type: Boolean },
    unseen: { type: Boolean },
    /** It has left this column while somebody's finger was down; the place is kept for a moment. */
    gone: { type: Boolean },
    /** Cards are being chosen for one hand-off of many, and this is one of them. */
    choosing: { type: Boolean },
    chosen: { type: Boolean },
    /** Somebody looked for it. */
    lit: { type: Boolean },
  };

  render() {
    const { card } = this;
    const waited = age(card, this.now);
    const brief = ["ready", "away"].includes(columnOf(card));
    return html`
      <article class=${this.#classes(waited, brief)} tabindex="-1" aria-label=${this.#label()}
        data-card=${card.id}>
        ${this.#head(waited)}
        ${this.#marks()} ${this.#asks()} ${this.#carriage()}
        ${brief ? nothing : this.#lines()} ${this.#brief()}
        ${this.#note()} ${this.#ended()} ${this.#from()}
      </article>`;
  }

  /** Number, age and the next step; a card without one of its own needs less height. */
  #head(waited) {
    const { card } = this;
    const button = this.#button();
    return html`
      <div class="card-top ${button ? "" : "is-bare"}">
        <span class="card-id">
          <span class="card-number ${numberSize(card.number)}">${card.number}</span>
          <span class="card-platform">${platformLabel(card)}</span>
        </span>
        ${button ?? this.#more()}
      </div>
      <div class="card-facts">
        ${card.state === "cancelled" ? nothing : this.#age(waited)} ${this.#tags()}
        ${button ? this.#more() : nothing}
      </div>`;
  }

  #classes({ level }, brief) {
    const { card } = this;
    const marks = {
      "is-brief": brief,
      "is-free": card.funding === "free",
      "is-cancelled": card.state === "cancelled",
      "is-asked": openRequest(card) !== null,
    };
    const more = { "is-pending": this.pending, "is-unseen": this.unseen, "is-gone": this.gone };
    const carrier = {
      "is-lit": this.lit,
      "is-choosing": this.choosing && canHandOff(card),
      "is-chosen": this.choosing && this.chosen,
      "is-nobody": nobodyCarries(card),
    };
    const names = Object.entries({ ...marks, ...more, ...carrier }).filter(([, on]) => on);
    return ["card", `age-${level}`, ...names.map(([name]) => name)].join(" ");
  }

  #label() {
    const { cups, state } = this.card;
    const words = ngettext(
      "Order %(number)s, %(cups)s cup, %(state)s",
      "Order %(number)s, %(cups)s cups, %(state)s",
      cups,
    );
    return fill(words, { number: orderName(this.card), cups, state: stateLabel(state) });
  }

  #asks() {
    const { card, now, zone, hears } = this;
    const answer = (kind) => this.emit("answer-guest", { id: card.id, kind });
    const view = { card, now, zone, hears, answer };
    return html`${requestBand(view)} ${urgeBand(view)} ${conflictBand(card)}`;
  }

  #more() {
    const label = fill(gettext("More about order %(number)s"), { number: orderName(this.card) });
    const open = () => this.emit("open-card", { id: this.card.id });
    return iconButton("ellipsis-vertical", label, open, "button-quiet card-more");
  }

  #carriage() {
    const { card, now, zone, gone, choosing } = this;
    const press = (step, more) => this.emit("card-step", { id: card.id, step, more });
    return carriageBands({ card: withoutTap(card, gone || choosing), now, zone, press, main: true });
  }

  /** The next step; null if there is none, or if it stands in a band below. */
  #button() {
    const step = nextStep(this.card);
    if (this.choosing && step === "handoff" && !this.gone) return this.#choice();
    if (this.gone)
      return html`<span class="card-state">${icon("check")}${stateLabel(this.card.state)}</span>`;
    if (!step || (step === "handoff" && (suggestion(this.card) || nobodyCarries(this.card)))) return null;
    return html`
      <button type="button" class="button button-primary card-step" data-step
        @click=${() => this.emit("card-step", { id: this.card.id, step })}>
        ${icon(stepIcon(step))}<span>${stepLabel(step)}</span>
      </button>`;
  }

  /** Into the hand-off of many, or out of it: all of the card is the button. */
  #choice() {
    const words = this.chosen ? gettext("Chosen") : gettext("Choose");
    return html`<button type="button" class="button card-choose" data-step aria-pressed=${String(this.chosen)}
      @click=${() => this.emit("card-step", { id: this.card.id, step: "choose" })}>
      ${icon(this.chosen ? "circle-check" : "plus")}<span>${words}</span>
    </button>`;
  }

  #age({ seconds, level, dueIn }) {
    const due = this.card.promised_at ? clock(this.card.promised_at, this.zone) : null;
    const words = dueIn !== null && dueIn < 0 ? gettext("was due %(due)s") : gettext("due %(due)s");
    return html`
      <span class="card-age">
        ${icon(level === "late" ? "triangle-alert" : "clock")}<b>${span(seconds)}</b>
        ${due ? html`<span>${fill(words, { due })}</span>` : nothing}
      </span>`;
  }

  #tags() {
    const { card } = this;
    const { state } = card;
    return html`<span class="card-tags">
      ${state === "cancelled" ? tag("cancelled", stateLabel(state)) : nothing}
      ${state === "held" ? tag("held", stateLabel(state), "lock") : nothing}
      ${state === "placed" ? tag("new", stateLabel(state)) : nothing}
      ${this.#isUrged() ? tag("urged", urged(card.urges), "megaphone") : nothing}
      ${this.pending ? tag("pending", gettext("sending"), "send") : nothing}
    </span>`;
  }

  /** Where the guest can be answered, a band says so. */
  #isUrged() {
    return urgeWaits(this.card) && !this.hears.has("urge.answered");
  }

  /** What is seldom so, in a row of its own. */
  #marks() {
    const { card } = this;
    const expected = canPostpone(card) && card.expected_at;
    if (!expected && !card.recovered_at && card.complete) return nothing;
    return html`<p class="card-tags">
      ${expected ? tag("expected", expectedWords(card, this.zone), "timer") : nothing}
      ${card.recovered_at ? tag("recovered", gettext("recovered"), "rotate-ccw") : nothing}
      ${card.complete ? nothing : tag("incomplete", gettext("incomplete"), "info")}
    </p>`;
  }

  #lines() {
    return drinks(this.card);
  }

  /** All drinks in one line: on the shelf and beyond, and where a column has no room for more. */
  #brief() {
    const { cups, lines } = this.card;
    const words = fill(ngettext("%(cups)s cup", "%(cups)s cups", cups), { cups });
    return html`<p class="card-brief"><b>${words}</b> ${lines.map(({ name }) => name).join(", ")}</p>`;
  }

  #note() {
    return noteLine(this.card.note);
  }

  /** Who pays, who fetches it, which campaign, which platform: what is cut off first matters least. */
  #from() {
    const { card } = this;
    const { campaign, fulfilment, funding } = card;
    const words = [fulfilmentLabel(fulfilment), campaign?.name].filter(Boolean).join(" · ");
    return html`<p class="card-from">
      ${funding === "free" ? tag("free", gettext("Free"), "gift") : nothing}
      <span class="card-origin">${words}</span>
    </p>`;
  }

  #ended() {
    const { card } = this;
    if (card.state !== "cancelled") return nothing;
    const by = actorLabel(card.ended_by) || platformLabel(card);
    const at = clock(card.ended_at, this.zone);
    const reason = reasonLabel(card.end_reason);
    const words = reason
      ? fill(gettext("%(by)s at %(at)s: %(reason)s"), { by, at, reason })
      : fill(gettext("%(actor)s at %(at)s"), { actor: by, at });
    return html`<p class="card-ended">${icon("ban")}<span>${words}</span></p>`;
  }
}

/** Large as long as it leaves room for the button. */
function numberSize({ length }) {
  if (length > 4) return "is-long";
  return length > 3 ? "is-wide" : "";
}

/** The card without what one tap would carry out: while it leaves, or while cards are being chosen. */
function withoutTap(card, still) {
  if (!still || !card.delivery) return card;
  return { ...card, delivery: { ...card.delivery, suggestion: null } };
}

/** When the counter said it will be ready. */
export function expectedWords({ expected_at: at }, zone) {
  return fill(gettext("ready about %(at)s"), { at: clock(at, zone) });
}

/** The drinks; of an order the platform could not send whole, also that the rest is to come. */
export function drinks({ lines, complete }) {
  return html`
    <ul class="lines">${lines.map(line)}</ul>
    ${complete ? nothing : html`<p class="card-incomplete">${gettext("Details are on their way.")}</p>`}`;
}

function tag(kind, words, mark = null) {
  return html`<span class="tag tag-${kind}">${mark ? icon(mark) : nothing}${words}</span>`;
}

function urged(count) {
  return count === 1 ? gettext("urged") : fill(gettext("urged %(count)s×"), { count });
}

/** One drink: quantity and name large, its choices bold beneath. */
function line({ name, quantity, options, note }) {
  const choices = options.map((option) => option.value).join(" · ");
  return html`
    <li class="line">
      <span class="line-quantity ${quantity > 1 ? "is-many" : ""}">${quantity}×</span>
      <span class="line-words">
        ${name} ${choices ? html`<b class="line-options">${choices}</b>` : nothing}
        ${note ? html`<span class="line-note">${note}</span>` : nothing}
      </span>
    </li>`;
}

/** What the guest wants to be known. */
export function noteLine(note) {
  if (!note) return nothing;
  return html`<p class="card-note">${icon("message-square-warning")}<span>${note}</span></p>`;
}

customElements.define("order-card", OrderCard);
