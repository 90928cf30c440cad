/** The call for new orders: one flash over the whole screen, then a count in the bar until somebody touches it. */

import { html, nothing, repeat } from "../../../vendor/lit-3.3.3.js";
import { fill } from "../format.js";
import { icon, Piece } from "./piece.js";

class NewOrders extends Piece {
  static properties = { count: { type: Number } };

  render() {
    // Keyed by the count: one more order is a new element, and that starts the flash again.
    return this.count ? repeat([this.count], String, call) : nothing;
  }
}

function call(count) {
  const words = fill(ngettext("%(count)s new order", "%(count)s new orders", count), { count });
  return html`<span class="call" title=${gettext("Touch anywhere to stop the ringing")}>${icon("bell")} ${words}</span>`;
}

customElements.define("new-orders", NewOrders);
