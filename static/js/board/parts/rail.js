/** The rail: what is still to make, drink by drink and choice by choice, and who is on the road. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { fill } from "../format.js";
import { choiceTotals, drinkTotals, hasLiveDelivery } from "../state.js";
import { deliveryLabel } from "../words.js";
import { Piece } from "./piece.js";

/** As many rows a part as a tablet or a wall has height for. */
const shown = () => (innerHeight < 900 ? 5 : 9);

class BoardRail extends Piece {
  static properties = { cards: { attribute: false } };

  render() {
    return html`
      ${totals(gettext("Still to make"), drinkTotals(this.cards), gettext("Nothing is left to make."))}
      ${totals(gettext("Sugar, ice, toppings"), choiceTotals(this.cards), "–")}
      ${riders(this.cards)}`;
  }
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

function riders(cards) {
  const live = cards.filter(hasLiveDelivery);
  if (!live.length) return nothing;
  return html`<section class="rail-part">
    <h2>${gettext("Riders")}</h2>
    <ul class="totals">
      ${live.slice(0, shown() - 2).map(rider)}
    </ul>
  </section>`;
}

function more(count) {
  return fill(ngettext("+%(count)s more", "+%(count)s more", count), { count });
}

function rider({ number, delivery }) {
  const words = [delivery.rider || delivery.carrier_name, deliveryLabel(delivery)]
    .filter(Boolean)
    .join(" · ");
  return html`<li><b>${number}</b><span>${words}</span></li>`;
}

customElements.define("board-rail", BoardRail);
