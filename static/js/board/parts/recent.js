/** What left the board in the last two hours, and the way back for what was handed out by mistake. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { clock } from "../format.js";
import { platformLabel, stateLabel, stepLabel } from "../words.js";
import { conflictBand } from "./asks.js";
import { DialogPiece } from "./dialog.js";
import { button } from "./piece.js";

const RECALLABLE = new Set(["collected", "delivered"]);

class RecentDialog extends DialogPiece {
  static properties = {
    ...DialogPiece.properties,
    /** Cards, null while asked, false when it failed */
    cards: { state: true },
  };

  async show() {
    this.cards = null;
    await super.show();
    this.cards = (await this.board.read("/recent"))?.cards ?? false;
  }

  title() {
    return gettext("Recently done");
  }

  body() {
    if (this.cards === null) return html`<p class="muted">${gettext("Loading …")}</p>`;
    if (!this.cards)
      return html`<p>${gettext("The list could not be loaded. Try again when the board is live.")}</p>`;
    if (!this.cards.length)
      return html`<p>${gettext("Nothing has left the board in the last two hours.")}</p>`;
    return html`<ul class="recent">${this.cards.map((card) => this.#row(card))}</ul>`;
  }

  #row(card) {
    const ended = card.ended_at ?? card.delivered_at ?? card.collected_at;
    const drinks = card.lines.map(({ quantity, name }) => `${quantity}× ${name}`).join(", ");
    return html`<li class="recent-row">
      <b class="recent-number">${card.number}</b>
      <span>
        ${platformLabel(card)} · ${stateLabel(card.state)} · ${clock(ended, this.board.zone)} <small class="muted">${drinks}</small>
        ${conflictBand(card)}
      </span>
      ${RECALLABLE.has(card.state) ? button(stepLabel("recall"), () => this.#back(card)) : nothing}
    </li>`;
  }

  #back(card) {
    this.close();
    this.board.step(card, "recall");
  }
}

customElements.define("recent-dialog", RecentDialog);
