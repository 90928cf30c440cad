/** Let another store make an order: the siblings, the nearest to the guest first, with what waits there. */

import { html } from "../../../vendor/lit-3.3.3.js";
import { fill, tenths } from "../format.js";
import { orderName } from "../words.js";
import { DialogPiece } from "./dialog.js";
import { button, icon } from "./piece.js";

class MoveDialog extends DialogPiece {
  static properties = {
    ...DialogPiece.properties,
    card: { state: true },
    /** Sibling stores as the API gives them; null while asked, false if it failed */
    stores: { state: true },
  };

  async show({ card }) {
    await super.show({ card, stores: null });
    this.stores = (await this.board.read(`/orders/${card.id}/siblings`))?.stores ?? false;
  }

  title() {
    return fill(gettext("Move #%(number)s"), { number: orderName(this.card) });
  }

  body() {
    if (this.stores === null) return html`<p class="muted">${gettext("Looking at the other stores …")}</p>`;
    if (!this.stores) return this.#failed();
    if (!this.stores.length) return html`<p>${gettext("There is no other store to move it to.")}</p>`;
    return html`
      <p>${this.#consequence()}</p>
      <div class="choices-list">${this.stores.map((store) => this.#store(store))}</div>`;
  }

  #failed() {
    return html`<p>${gettext("The stores could not be loaded. The order stays here.")}</p>
      ${button(gettext("Try again"), () => this.show({ card: this.card }))}`;
  }

  #consequence() {
    return this.card.fulfilment === "platform_courier"
      ? gettext("The other store makes and delivers it; the platform's rider is called off.")
      : gettext("The other store makes and delivers it.");
  }

  #store({ id, code, name, kilometres, level, waiting, minutes }) {
    const paused = level !== "open";
    const load = fill(
      ngettext("%(count)s order waits, %(minutes)s min", "%(count)s orders wait, %(minutes)s min", waiting),
      { count: waiting, minutes },
    );
    const far = fill(gettext("%(distance)s km"), { distance: tenths(kilometres) });
    return html`<button type="button" class="button choice-store" ?disabled=${paused}
      @click=${() => this.#move(id)}>
      ${icon("store")}
      <span><b>${code}</b> ${name}</span>
      <small>${far} · ${paused ? gettext("paused") : load}</small>
    </button>`;
  }

  #move(store) {
    this.close();
    this.board.ask(`/orders/${this.card.id}/move`, { store });
  }
}

customElements.define("move-dialog", MoveDialog);
