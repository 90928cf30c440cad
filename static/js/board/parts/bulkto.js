/** Who gets all the chosen orders: one carrier for all of them. */

import { html } from "../../../vendor/lit-3.3.3.js";
import { choices } from "../carriage.js";
import { fill } from "../format.js";
import { DialogPiece } from "./dialog.js";
import { offerList } from "./offers.js";

class BulkDialog extends DialogPiece {
  static properties = { ...DialogPiece.properties, carriers: { state: true } };

  async show() {
    this.carriers = this.board.crew.carriers;
    await super.show();
    this.carriers = (await this.board.crew.look()) ?? false;
  }

  title() {
    const count = this.board.bulk.chosen.size;
    return fill(ngettext("Hand off %(count)s order", "Hand off %(count)s orders", count), { count });
  }

  body() {
    if (this.carriers === null) return html`<p class="muted">${gettext("Asking who is there …")}</p>`;
    if (!this.carriers)
      return html`<p>${gettext("The list of riders could not be loaded. The orders stay on the shelf.")}</p>`;
    const view = { zone: this.board.zone, give: ({ key }) => this.#give(key), waiting: false };
    return html`${offerList(choices(this.carriers, []), view)}`;
  }

  #give(key) {
    this.close();
    this.board.bulk.start(key);
  }
}

customElements.define("bulk-dialog", BulkDialog);
