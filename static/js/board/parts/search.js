/** Find an order on the board by number, guest or drink. */

import { html } from "../../../vendor/lit-3.3.3.js";
import { search } from "../state.js";
import { platformLabel, stateLabel } from "../words.js";
import { DialogPiece } from "./dialog.js";

const SHOWN = 8;

class SearchDialog extends DialogPiece {
  static properties = { ...DialogPiece.properties, text: { state: true } };

  async show() {
    this.text = "";
    await super.show();
    this.querySelector("input").focus();
  }

  title() {
    return gettext("Find an order");
  }

  body() {
    const found = search(this.board.cards, this.text);
    return html`
      <form @submit=${(event) => this.#first(event, found)}>
        <label class="field">
          <span class="label">${gettext("Number, guest or drink")}</span>
          <input enterkeyhint="search" autocomplete="off" .value=${this.text}
            @input=${({ target }) => this.#type(target.value)} />
        </label>
      </form>
      <p class="visually-hidden" role="status">${this.#result(found.length)}</p>
      <ul class="recent">${found.slice(0, SHOWN).map((card) => this.#row(card))}</ul>
      ${this.text && !found.length ? html`<p class="muted">${this.#result(0)}</p>` : ""}`;
  }

  #type(text) {
    this.text = text;
  }

  #result(count) {
    if (!this.text) return "";
    if (!count) return gettext("No order on the board matches. Look under “Recently done” too.");
    return interpolate(ngettext("%s order found", "%s orders found", count), [count]);
  }

  #row(card) {
    const drinks = card.lines.map(({ name }) => name).join(", ");
    return html`<li>
      <button type="button" class="button recent-row recent-open" @click=${() => this.#open(card)}>
        <b class="recent-number">${card.number}</b>
        <span>${platformLabel(card)} · ${stateLabel(card.state)} <small class="muted">${drinks}</small></span>
      </button>
    </li>`;
  }

  #first(event, [card]) {
    event.preventDefault();
    if (card) this.#open(card);
  }

  #open(card) {
    this.close();
    this.emit("open-card", { id: card.id });
  }
}

customElements.define("search-dialog", SearchDialog);
