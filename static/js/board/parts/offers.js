/** The carriers of a dialog as a list of large buttons: who, what it costs, how long, and why not. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { feeLabel, markLabel, minutesLabel, phoneLabel, priceless, restLabel } from "../carriage-words.js";
import { fill } from "../format.js";
import { icon } from "./piece.js";

/**
 * @param {object[]} choices of `carriage.choices`
 * @param {object} view now, zone, give(choice), waiting (the race is on)
 */
export function offerList(choices, view) {
  return html`<ul class="offers">${choices.map((choice) => html`<li>${offer(choice, view)}</li>`)}</ul>`;
}

function offer(choice, { now, zone, give, waiting }) {
  const suggested = choice.marks.includes("suggested");
  return html`<button type="button" class="button offer ${suggested ? "is-suggested" : ""}
    ${choice.asleep ? "is-asleep" : ""}" data-carrier=${choice.key} @click=${() => give(choice)}>
    ${icon(choice.kind === "rider" ? "bike" : "truck")}
    <span class="offer-who"><b>${choice.name}</b>${small(state(choice, now, zone))} ${marks(choice)}</span>
    <span class="offer-price">${price(choice, waiting)}</span>
  </button>`;
}

function small(words) {
  return words ? html`<small>${words}</small>` : nothing;
}

function marks({ marks: all }) {
  if (!all.length) return nothing;
  return html`<span class="offer-marks">${all.map((mark) => html`<span class="tag tag-${mark}">${markLabel(mark)}</span>`)}</span>`;
}

function price({ kind, fee, currency, minutes, error }, waiting) {
  if (error) return nothing;
  const costs = feeLabel(fee, currency);
  if (costs || minutes !== null) return html`<b>${costs}</b><small>${minutesLabel(minutes)}</small>`;
  return kind === "courier" && waiting ? html`<small class="muted">…</small>` : nothing;
}

function state(choice, now, zone) {
  return [load(choice, now, zone), choice.asleep ? "" : phoneLabel(choice.phone)].filter(Boolean).join(" · ");
}

function load({ kind, asleep, restsUntil, live, error, phone }, now, zone) {
  if (asleep) return kind === "rider" ? gettext("not at work") : restLabel(restsUntil, now, zone);
  if (error) return priceless(error);
  if (live) return fill(ngettext("%(count)s order", "%(count)s orders", live), { count: live });
  return kind === "rider" && !phone ? gettext("free") : "";
}
