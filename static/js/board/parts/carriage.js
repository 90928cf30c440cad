/** Who carries an order, as bands on a card and in its dialog: suggestion, search, alarm, question, rider here. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import {
  asksPerson,
  bagsGone,
  hasLiveDelivery,
  inDoubt,
  nobodyCarries,
  parts,
  reminders,
  riderHere,
  ridersHere,
  searching,
  secondsSince,
  suggestion,
} from "../carriage.js";
import {
  bagLabel,
  bagsLabel,
  doubtLabel,
  feeLabel,
  knownLabel,
  partLabel,
  searchLabel,
  suggestionFacts,
  triedLabel,
} from "../carriage-words.js";
import { clock, fill, span } from "../format.js";
import { deliveryLabel, reasonLabel } from "../words.js";
import { icon, iconButton } from "./piece.js";

const MOST_PARTS = 4; // on a card; the dialog shows all
const NOBODY_LEFT = "Nobody is left who could carry it."; // as it is stored

/**
 * All that is to be said of an order's carrier.
 * @param {object} view card, now, zone, press(verb, more) for what the bands' buttons do, whole (in the dialog)
 */
export function carriageBands(view) {
  const { card } = view;
  if (!card.delivery) return leftBand(view);
  return html`${leftBand(view)} ${ridersHere(card).map((here) => hereBand(here, view.now))} ${questionBand(view)} ${nobodyBand(view)} ${suggestionBand(view)} ${searchBand(view)}
    ${line(view)} ${bagsBand(view)}`;
}

/** It stands there for minutes, and nobody is asked. */
function leftBand({ card, now }) {
  if (!reminders(card, now)) return nothing;
  return html`<p class="carry carry-title carry-left">${icon("bell")}<b>${gettext("Nobody is asked yet")}</b></p>`;
}

/** One tap carries the suggestion out. */
function suggestionBand({ card, press, main }) {
  const named = suggestion(card);
  if (!named || card.state !== "ready" || nobodyCarries(card)) return nothing;
  return html`<div class="carry-taps">
    <button type="button" class="button button-primary carry-suggestion" ?data-step=${main}
      @click=${() => press("suggested", { suggestion: named })}>
      <b>${fill(gettext("Hand to %(name)s"), { name: named.name })}</b>
      <small>${suggestionFacts(named, card.amounts?.currency)}</small>
    </button>
    ${other(press)}
  </div>`;
}

/** Somebody else than the suggested one. */
function other(press) {
  return iconButton("chevron-down", gettext("Choose another carrier"), () => press("handoff"), "carry-other");
}

function searchBand({ card, now }) {
  const search = searching(card);
  if (!search || inDoubt(card)) return nothing;
  return html`<div class="carry carry-search">
    <p class="carry-title">${icon("radio")}<b>${searchLabel(search, card.delivery, now)}</b></p>
    ${search.reason ? html`<p class="carry-tried">${reasonLabel(search.reason)}</p>` : nothing} ${tried(search)}
  </div>`;
}

function tried({ tried: names }) {
  if (!names?.length) return nothing;
  return html`<p class="carry-tried">${fill(gettext("tried: %(names)s"), { names: names.map(triedLabel).join("; ") })}</p>`;
}

/** The alarm: all were asked in vain. */
function nobodyBand({ card, press, main }) {
  if (!nobodyCarries(card)) return nothing;
  const { search } = card.delivery;
  return html`<section class="carry carry-nobody" aria-label=${gettext("No carrier")}>
    <p class="carry-title">${icon("triangle-alert")}<b>${gettext("Nobody carries it")}</b></p>
    ${saysMore(search) ? html`<p class="carry-tried">${reasonLabel(search.reason)}</p>` : nothing} ${tried(search)}
    <div class="carry-taps">
      <button type="button" class="button carry-button" ?data-step=${main}
        @click=${() => press("handoff/search-again")}>${icon("refresh-cw")}<span>${gettext("Search again")}</span></button>
      ${other(press)}
    </div>
  </section>`;
}

/** Whether the reason is more than that all who were tried failed. */
function saysMore({ reason, tried: names }) {
  return reason && (reason !== NOBODY_LEFT || !names?.length);
}

/**
 * Only a person can find out: on the phone, or by the rider who comes or does not. "No" takes two taps: after it
 * somebody else is asked, and two might come.
 */
function questionBand({ card, zone, press }) {
  const asks = asksPerson(card);
  if (!asks) return nothing;
  const { carrier_name: name, code } = card.delivery;
  const answer = (words, verb, body = {}) => html`<button type="button" class="button carry-button"
    @click=${() => press(verb, body)}>${words}</button>`;
  return html`<section class="carry carry-question" aria-label=${gettext("Question about the courier")}>
    <p class="carry-title">${icon("circle-help")}<b>${fill(gettext("Does %(name)s have it?"), { name })}</b>
      ${code ? html`<code class="card-code">${code}</code>` : nothing}</p>
    <p class="carry-tried">${knownLabel(asks, zone)}</p>
    <div class="carry-answers">
      ${answer(gettext("It has it"), "handoff/settle", { has: true })}
      <details class="carry-sure">
        <summary class="button carry-button">${gettext("It does not")}</summary>
        ${answer(gettext("Surely not: ask the next one"), "handoff/settle", { has: false })}
      </details>
      ${answer(gettext("Ask again"), "handoff/ask-again")}
    </div>
  </section>`;
}

/** Somebody stands at the counter: who, since when, and the code to compare. */
function hereBand(here, now) {
  const waits = secondsSince(here.at_store_since, now);
  return html`<section class="carry carry-here" aria-label=${gettext("Rider is here")}>
    <p class="carry-title">${icon("bike")}<b>${gettext("Rider is here")}</b>
      ${waits === null ? nothing : html`<span class="carry-since">${span(waits)}</span>`}</p>
    ${here.code ? html`<p class="carry-code">${here.code}</p>` : nothing}
    <p class="carry-who">${[here.carrier_name, here.rider].filter(distinct).join(" · ")}
      ${here.bags > 1 ? html`<b>${bagLabel(here)}</b>` : nothing}</p>
  </section>`;
}

/** An order in several bags: how many have left, and where each of them is. */
function bagsBand({ card, whole }) {
  const all = parts(card);
  if (!all.length) return nothing;
  const shown = whole ? all : all.slice(0, MOST_PARTS);
  return html`<div class="carry-bags">
    <p class="carry-title">${icon("shopping-bag")}<b>${bagsLabel(bagsGone(card), all.length)}</b></p>
    <ul>${shown.map(
      (part) => html`<li class="is-${part.search_state || part.state}">
        <b>${part.bag}</b>
        <span>${[part.carrier_name, partLabel(part)].filter(Boolean).join(" · ")}</span>
        ${part.code ? html`<code>${part.code}</code>` : nothing}
      </li>`,
    )}</ul>
  </div>`;
}

/** Where the rider is, in one line; a failed hand-off stands out, with its reason. */
function line({ card, zone }) {
  const { delivery } = card;
  if (!delivery.state || nobodyCarries(card) || asksPerson(card)) return nothing;
  if (riderHere(card) && hasLiveDelivery(card)) return nothing;
  if (searching(card) && !delivery.rider && !inDoubt(card)) return nothing;
  if (parts(card).length && card.state !== "collected") return nothing;
  return deliveryLine(card, zone);
}

/** Carrier, rider, when they are there, the code they will name, and what it costs. */
export function deliveryLine(card, zone) {
  const { delivery } = card;
  const failed = delivery.state === "failed" || delivery.state === "unknown";
  const known = [
    deliveryLabel(delivery),
    ...[delivery.carrier_name, delivery.rider].filter(distinct),
    reasonLabel(delivery.reason),
    hasLiveDelivery(card) ? reasonLabel(delivery.search?.reason) : "",
  ];
  const words = [
    ...(inDoubt(card) ? [doubtLabel(delivery)] : known),
    delivery.eta && hasLiveDelivery(card)
      ? fill(gettext("there at %(at)s"), { at: clock(delivery.eta, zone) })
      : "",
    feeLabel(delivery.fee, card.amounts?.currency),
  ];
  return html`<p class="card-delivery ${failed ? "is-failed" : ""} ${inDoubt(card) ? "is-doubted" : ""}">
    ${icon(failed ? "triangle-alert" : "bike")}<span>${words.filter(Boolean).join(" · ")}</span>
    ${hasLiveDelivery(card) && delivery.code ? html`<code class="card-code">${delivery.code}</code>` : nothing}
  </p>`;
}

function distinct(word, index, all) {
  return Boolean(word) && all.indexOf(word) === index;
}
