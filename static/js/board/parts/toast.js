/** The toast: what was just done here, and the way back for as long as there is one. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { fill } from "../format.js";
import { undoUntil } from "../state.js";
import { orderName, stepDone, stepLabel } from "../words.js";
import { icon, Piece } from "./piece.js";

class UndoToast extends Piece {
  static properties = {
    card: { attribute: false },
    /** {card, name, until}: an order given to somebody a moment ago; it is the newer one of the two */
    handed: { attribute: false },
    now: { attribute: false },
  };

  render() {
    if (this.handed) return this.#handed();
    const { card } = this;
    if (!card) return nothing;
    const done = fill(stepDone(card.state), { number: orderName(card) });
    return this.#toast(done, gettext("Undo"), undoUntil(card), () => this.emit("undo-step", { card }));
  }

  #handed() {
    const { card, name, until } = this.handed;
    const done = fill(gettext("#%(number)s goes to %(name)s"), { number: orderName(card), name });
    const back = () => this.emit("call-back", this.handed);
    return this.#toast(done, stepLabel("handoff/cancel"), until, back);
  }

  #toast(done, label, until, back) {
    const left = Math.max(0, Math.ceil((until - this.now) / 1000));
    return html`
      <div class="toast">
        <span>${done}</span>
        <button type="button" class="button button-primary" @click=${back}>
          ${icon("undo-2")} ${label} <span class="toast-left">${left}</span>
        </button>
      </div>`;
  }
}

customElements.define("undo-toast", UndoToast);
