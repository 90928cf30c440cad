/** What a guest wants and where the platform disagrees, as bands on a card and in its dialog. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { clock, fill, money, span } from "../format.js";
import { openRequest, secondsToAnswer, urgeWaits } from "../guests.js";
import { answerLabel, conflictWords, reasonLabel, requestOutcome, requestTitle } from "../words.js";
import { icon } from "./piece.js";

/**
 * The guest's request: what, why, until when, and the two answers; once it is answered, a line that says so.
 * @param {object} view card, now, zone, hears (what the platform can be told), answer(kind)
 */
export function requestBand({ card, now, zone, hears, answer }) {
  const request = openRequest(card);
  if (!request) return card.request ? outcome(card.request, zone) : nothing;
  const amount = request.amount ? money(request.amount, card.amounts.currency) : "";
  return html`
    <section class="ask" aria-label=${gettext("Request of the guest")}>
      <p class="ask-title">${icon("hand-helping")}<b>${requestTitle(request, amount)}</b></p>
      ${request.reason ? html`<p class="ask-reason">${reasonLabel(request.reason)}</p>` : nothing}
      ${countdown(request, now)}
      ${hears.has("request.agreed") ? answers(answer) : html`<p class="ask-hint">${elsewhere()}</p>`}
    </section>`;
}

function countdown(request, now) {
  const left = secondsToAnswer(request, now);
  if (left === null) return nothing;
  const words = left
    ? fill(gettext("agreed by itself in %(left)s"), { left: span(left) })
    : gettext("the platform agrees by itself now");
  return html`<p class="ask-clock">${icon("timer")}<span>${words}</span></p>`;
}

function elsewhere() {
  return gettext("Answer it in the platform's own app.");
}

function answers(answer) {
  const choice = (kind) => html`<button type="button" class="button ask-button" @click=${() => answer(kind)}>
    ${answerLabel(kind)}
  </button>`;
  return html`<div class="ask-answers">${choice("agree")} ${choice("refuse")}</div>`;
}

function outcome(request, zone) {
  const words = requestOutcome(request, zone);
  return words ? html`<p class="ask-outcome">${icon("hand-helping")}<span>${words}</span></p>` : nothing;
}

/** The guest asks where the order is: the answer's button, or when it was given. */
export function urgeBand({ card, zone, hears, answer }) {
  if (card.urge_answered_at) {
    const words = fill(gettext("guest answered at %(at)s"), { at: clock(card.urge_answered_at, zone) });
    return html`<p class="ask-outcome">${icon("megaphone")}<span>${words}</span></p>`;
  }
  if (!urgeWaits(card) || !hears.has("urge.answered")) return nothing;
  return html`
    <section class="ask ask-row" aria-label=${gettext("Question of the guest")}>
      <p class="ask-title">${icon("megaphone")}<b>${asked(card.urges)}</b></p>
      <button type="button" class="button ask-button" @click=${() => answer("urge")}>
        ${answerLabel("urge")}
      </button>
    </section>`;
}

function asked(count) {
  return count === 1 ? gettext("Where is it?") : fill(gettext("Where is it? asked %(count)s×"), { count });
}

/** What the platform believes that cannot be true. */
export function conflictBand({ conflict }) {
  if (!conflict) return nothing;
  return html`<p class="card-conflict">${icon("triangle-alert")}<span>${conflictWords(conflict)}</span></p>`;
}
