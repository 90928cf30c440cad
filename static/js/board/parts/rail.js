/** The rail: what is still to make, drink by drink and choice by choice, and who can carry it. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { carrierState, phoneLabel } from "../carriage-words.js";
import { fill } from "../format.js";
import { choiceTotals, drinkTotals } from "../state.js";
import { icon, Piece } from "./piece.js";

/** As many rows a part as a tablet or a wall has height for. */
const shown = () => (innerHeight < 900 ? 4 : 9);

class BoardRail extends Piece {
  static properties = {
    cards: { attribute: false },
    /** {riders, couriers} as the API gives them, or null */
    carriers: { attribute: false },
    /** Milliseconds, to the second. */
    now: { attribute: false },
    zone: {},
  };

  render() {
    return html`
      ${this.#carriers()}
      ${totals(gettext("Still to make"), drinkTotals(this.cards), gettext("Nothing is left to make."))}
      ${totals(gettext("Sugar, ice, toppings"), choiceTotals(this.cards), "–")}`;
  }

  #carriers() {
    const { couriers = [], riders = [] } = this.carriers ?? {};
    const atWork = riders.filter(({ on_shift: onShift = true }) => onShift);
    if (!couriers.length && !atWork.length) return nothing;
    return html`<section class="rail-part">
      <h2>${gettext("Who can carry")}</h2>
      <ul class="carriers">
        ${couriers.slice(0, shown()).map((one) => this.#courier(one))} ${atWork.slice(0, shown()).map(rider)}
      </ul>
    </section>`;
  }

  #courier(one) {
    const { name, state = "ready", live = 0, waiting = 0, unknown = 0 } = one;
    return html`<li class="carrier is-${state}">
      <b>${name}</b>
      <span class="carrier-state">${icon(state === "resting" ? "circle-pause" : "circle-check")}${carrierState({ state, ...one }, this.now, this.zone)}</span>
      <span class="carrier-facts">
        ${live ? html`<span>${fill(ngettext("%(count)s order", "%(count)s orders", live), { count: live })}</span>` : nothing}
        ${waiting ? html`<span class="carrier-here">${here(waiting)}</span>` : nothing}
        ${unknown ? html`<span class="carrier-unknown">${unclear(unknown)}</span>` : nothing}
      </span>
    </li>`;
  }
}

function here(count) {
  return fill(ngettext("%(count)s rider here", "%(count)s riders here", count), { count });
}

function unclear(count) {
  return fill(ngettext("%(count)s unclear", "%(count)s unclear", count), { count });
}

function rider({ name, live, phone }) {
  const load = live ? fill(ngettext("%(count)s order", "%(count)s orders", live), { count: live }) : "";
  const words = phoneLabel(phone) || load || gettext("free");
  return html`<li class="carrier"><b>${name}</b><span class="carrier-state">${icon("bike")}${words}</span></li>`;
}

function totals(title, rows, none) {
  const rest = rows.length - shown();
  return html`<section class="rail-part">
    <h2>${title}</h2>
    ${rows.length ? nothing : html`<p class="muted">${none}</p>`}
    <ul class="totals">
      ${rows.slice(0, shown()).map(({ name, count }) => html`<li><b>${count}</b><span>${name}</span></li>`)}
    </ul>
    ${rest > 0 ? html`<p class="muted">${more(rest)}</p>` : nothing}
  </section>`;
}

function more(count) {
  return fill(ngettext("+%(count)s more", "+%(count)s more", count), { count });
}

customElements.define("board-rail", BoardRail);
