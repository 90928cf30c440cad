/** Hand an order to somebody: the store's own riders by name, or a courier service. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { fill } from "../format.js";
import { orderName } from "../words.js";
import { DialogPiece } from "./dialog.js";
import { button, icon } from "./piece.js";

class HandoffDialog extends DialogPiece {
  static properties = {
    ...DialogPiece.properties,
    /** {riders: [{id, name, live}], couriers: [{id, name}]}; null while asked, false if it failed */
    carriers: { state: true },
  };

  async show({ card }) {
    this.carriers = null;
    await super.show({ card });
    this.carriers = (await this.board.read("/carriers")) ?? false;
  }

  title() {
    return fill(gettext("Hand off #%(number)s"), { number: orderName(this.card) });
  }

  body() {
    if (this.carriers === null) return html`<p class="muted">${gettext("Asking who is there …")}</p>`;
    if (!this.carriers) return this.#failed();
    const { riders, couriers } = this.carriers;
    if (!riders.length && !couriers.length) return this.#nobody();
    return html`
      ${this.#group(gettext("Our riders"), riders, (rider) => this.#rider(rider))}
      ${this.#group(gettext("Couriers"), couriers, (courier) => this.#courier(courier))}`;
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

  #group(label, people, render) {
    if (!people.length) return nothing;
    return html`<fieldset class="choice"><legend class="label">${label}</legend>
      <div class="choices choices-large">${people.map(render)}</div></fieldset>`;
  }

  #rider({ id, name, live }) {
    const load = live
      ? fill(ngettext("%(count)s order", "%(count)s orders", live), { count: live })
      : gettext("not busy");
    return html`<button type="button" class="button choice-person" @click=${() => this.#give({ rider: id })}>
      ${icon("bike")}<span>${name}</span><small class="muted">${load}</small></button>`;
  }

  #courier({ id, name }) {
    return button(name, () => this.#give({ courier: id }), { look: "choice-person", mark: "truck" });
  }

  #give(body) {
    this.board.ask(`/orders/${this.card.id}/handoff`, body);
    this.close();
  }
}

customElements.define("handoff-dialog", HandoffDialog);
