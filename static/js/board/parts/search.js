/** Find an order on the board by number, guest or drink; a pick-up code says which bag it is. */

import { html } from "../../../vendor/lit-3.3.3.js";
import { bagOf } from "../carriage.js";
import { bagLabel } from "../carriage-words.js";
import { fill } from "../format.js";
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
          <span class="label">${gettext("Pick-up code, number, guest or drink")}</span>
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
    const bag = bagOf(card, this.text.trim());
    const drinks = card.lines.map(({ name }) => name).join(", ");
    return html`<li>
      <button type="button" class="button recent-row recent-open" @click=${() => this.#open(card)}>
        <b class="recent-number">${card.number}</b>
        <span>${platformLabel(card)} · ${stateLabel(card.state)} <small class="muted">${drinks}</small></span>
        ${bag ? html`<span class="tag tag-code">${bagWords(bag)}</span>` : ""}
      </button>
    </li>`;
  }

  #first(event, [card]) {
    event.preventDefault();
    if (card) this.#open(card);
  }

  /** A rider stands there with a code: show the bag. Otherwise somebody wants to know about the order. */
  #open(card) {
    this.close();
    const wanted = bagOf(card, this.text.trim()) ? "find-card" : "open-card";
    this.emit(wanted, { id: card.id });
  }
}

function bagWords(bag) {
  const code = fill(gettext("Code %(code)s"), bag);
  return bag.bags > 1 ? `${code} · ${bagLabel(bag)}` : code;
}

customElements.define("search-dialog", SearchDialog);
