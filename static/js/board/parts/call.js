/** The call for new orders: a flash over the whole screen, and a count until somebody touches the board. */

import { html, nothing, repeat } from "../../../vendor/lit-3.3.3.js";
import { fill } from "../format.js";
import { icon, Piece } from "./piece.js";

const FLASH_MS = 6_000; // in a wave orders come every second; the screen must not flicker with them

class NewOrders extends Piece {
  static properties = { count: { type: Number } };
  #flashes = 0;
  #flashedAt = Number.NEGATIVE_INFINITY;

  willUpdate(changed) {
    const more = this.count > (changed.get("count") ?? 0);
    if (!more || performance.now() - this.#flashedAt < FLASH_MS) return;
    this.#flashes += 1;
    this.#flashedAt = performance.now();
  }

  render() {
    if (!this.count) return nothing;
    // Keyed by the flash: a new element starts the animation again.
    return repeat([this.#flashes], String, () => call(this.count));
  }
}

function call(count) {
  const words = fill(ngettext("%(count)s new order", "%(count)s new orders", count), { count });
  const hint = gettext("Touch anywhere to stop the ringing");
  return html`<span class="call" title=${hint}>${icon("bell")} ${words}</span>`;
}

customElements.define("new-orders", NewOrders);
