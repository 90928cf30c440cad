/** Hand an order to somebody: own riders at work first, then couriers with what they ask, all in one list. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { choices } from "../carriage.js";
import { fill } from "../format.js";
import { orderName } from "../words.js";
import { DialogPiece } from "./dialog.js";
import { offerList } from "./offers.js";
import { button } from "./piece.js";

const MOST_BAGS = 6;

class HandoffDialog extends DialogPiece {
  static properties = {
    ...DialogPiece.properties,
    /** {riders, couriers} as the API gives them; null while asked, false if it failed */
    carriers: { state: true },
    /** Offers of the race; null while it runs, [] if it failed */
    offers: { state: true },
    /** How many riders share the order */
    bags: { state: true },
  };

  async show({ card }) {
    await super.show({ card, carriers: null, offers: null, bags: card.delivery?.bags || 1 });
    const mine = () => this.card.id === card.id;
    const offers = this.board.read(`/orders/${card.id}/offers`);
    const carriers = (await this.board.crew.look()) ?? false;
    if (mine()) this.carriers = carriers;
    const raced = await offers;
    if (mine()) this.offers = raced?.offers ?? raced ?? [];
  }

  title() {
    return fill(gettext("Hand off #%(number)s"), { number: orderName(this.card) });
  }

  body() {
    if (this.carriers === null) return html`<p class="muted">${gettext("Asking who is there …")}</p>`;
    if (!this.carriers) return this.#failed();
    const all = choices(this.carriers, this.offers);
    if (!all.length) return this.#nobody();
    const view = {
      now: this.board.now,
      zone: this.board.zone,
      give: (choice) => this.#give(choice),
      waiting: this.offers === null,
    };
    return html`
      <p class="muted" role="status">${this.offers === null ? gettext("Asking for prices …") : gettext("Each one can be asked, also against the suggestion.")}</p>
      ${offerList(all, view)} ${this.#split()}`;
  }

  #failed() {
    return html`<p>${gettext("The list of riders could not be loaded. The order stays on the shelf.")}</p>
      ${button(gettext("Try again"), () => this.show({ card: this.card }))}`;
  }

  #nobody() {
    const words = gettext(
      "There is no rider and no courier for this store yet. An administrator can add them.",
    );
    return html`<p>${words}</p>`;
  }

  /** Too much for one rider: the same number of riders as bags, each with a hand-off of their own. */
  #split() {
    const most = Math.min(MOST_BAGS, this.card.cups);
    if (most < 2) return nothing;
    const counts = Array.from({ length: most }, (_, index) => index + 1);
    return html`<fieldset class="choice">
      <legend class="label">${gettext("In how many bags, with a rider each?")}</legend>
      <div class="choices choices-bags">
        ${counts.map(
          (count) => html`<button type="button" class="button choice-button"
            aria-pressed=${String(count === this.bags)} @click=${() => this.#share(count)}>${count}</button>`,
        )}
      </div>
    </fieldset>`;
  }

  #share(count) {
    this.bags = count;
  }

  #give({ key, name, quote }) {
    const split = this.bags !== (this.card.delivery?.bags || 1) ? { bags: this.bags } : {};
    // A rider of our own is one person: they take the first bag, and the card asks on for the others.
    const first = split.bags > 1 && key.startsWith("rider:") ? { bag: 1 } : {};
    this.board.handOff(this.card, key, name, { ...split, ...first, ...(quote && { quote }) });
    this.close();
  }
}

customElements.define("handoff-dialog", HandoffDialog);
