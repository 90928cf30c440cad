/** The undo toast: what was just done here, and the way back for as long as there is one. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { fill } from "../format.js";
import { undoUntil } from "../state.js";
import { orderName, stepDone } from "../words.js";
import { icon, Piece } from "./piece.js";

class UndoToast extends Piece {
  static properties = { card: { attribute: false }, now: { attribute: false } };

  render() {
    const { card } = this;
    if (!card) return nothing;
    const left = Math.max(0, Math.ceil((undoUntil(card) - this.now) / 1000));
    return html`
      <div class="toast">
        <span>${fill(stepDone(card.state), { number: orderName(card) })}</span>
        <button type="button" class="button button-primary" @click=${() => this.emit("undo-step", { card })}>
          ${icon("undo-2")} ${gettext("Undo")} <span class="toast-left">${left}</span>
        </button>
      </div>`;
  }
}

customElements.define("undo-toast", UndoToast);
