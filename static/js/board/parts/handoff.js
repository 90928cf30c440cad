/**
 * Hand an order to somebody, or to somebody else: own riders at work first, then couriers with what they ask, all
 * in one list.
 */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { choices, deliveryOf, mustCallOff } from "../carriage.js";
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
    /** Why nobody was asked for a price, "" if they were */
    priceless: { state: true },
    /** How many riders share the order */
    bags: { state: true },
    /** Which bag it is about, if somebody has it */
    bag: { state: true },
    /** Somebody has it, and shall not bring it */
    instead: { state: true },
  };

  /** The race that counts: of one that was begun before, nobody wants to hear any more. */
  #latest = null;
  /** How many bags the order had when its prices were asked for */
  #raced = 1;

  async show({ card, instead = false }) {
    const unknown = { carriers: null, offers: null, priceless: "" };
    const { bag = 1, bags = 1 } = card.delivery ?? {};
    this.#raced = bags || 1;
    await super.show({ card, instead, ...unknown, bag, bags: this.#raced });
    this.#race();
    const carriers = (await this.board.crew.look()) ?? false;
    if (this.card.id === card.id) this.carriers = carriers;
  }

  /** Ask for prices; asked for too often, they are asked for again when they may be. */
  async #race() {
    const { card, bag } = this;
    const race = {};
    this.#latest = race;
    // A price is good for the bag it was asked for.
    const which = this.#raced > 1 ? `?bag=${bag}` : "";
    const raced = await this.board.read(`/orders/${card.id}/offers${which}`, (refusal) => refusal);
    if (this.#latest !== race) return;
    const wait = raced?.wait;
    this.priceless = raced?.detail ?? "";
    this.offers = wait ? [] : (raced ?? []);
    if (wait) setTimeout(() => this.shown && this.#latest === race && this.#race(), wait * 1000);
  }

  title() {
    const number = orderName(this.card);
    if (!this.instead) return fill(gettext("Hand off #%(number)s"), { number });
    const { carrier_name: name } = this.#delivery;
    const [words, bag] =
      this.bags > 1
        ? [gettext("Who brings bag %(bag)s of #%(number)s instead of %(name)s?"), this.bag]
        : [gettext("Who brings #%(number)s instead of %(name)s?")];
    return fill(words, { bag, number, name });
  }

  /** Who has it now; that may change while the dialog is open. */
  get #delivery() {
    return deliveryOf(this.board.card(this.card.id) ?? this.card, this.bag);
  }

  body() {
    if (this.carriers === null) return html`<p class="muted">${gettext("Asking who is there …")}</p>`;
    if (!this.carriers) return this.#failed();
    const all = choices(this.carriers, this.#prices).filter(({ key }) => !this.#hasIt(key));
    if (!all.length) return this.#nobody();
    const view = {
      now: this.board.now,
      zone: this.board.zone,
      give: (choice) => this.#give(choice),
      waiting: this.offers === null,
    };
    return html`${this.instead ? this.#before() : nothing}
      <p class="muted" role="status">${this.offers === null ? gettext("Asking for prices …") : this.priceless || gettext("Each one can be asked, also against the suggestion.")}</p>
      ${offerList(all, view)} ${this.instead ? nothing : this.#split()}`;
  }

  /** Those of the order as it was raced: of more or fewer bags nobody knows the price. */
  get #prices() {
    return this.bags === this.#raced ? this.offers : [];
  }

  #hasIt(key) {
    return this.instead && key === this.#delivery.carrier_key;
  }

  /** What happens to whoever has it. */
  #before() {
    const { carrier_name: name } = this.#delivery;
    const words = mustCallOff({ delivery: this.#delivery })
      ? gettext(
          "%(name)s is called off first, which may cost a fee. Whoever you choose is asked once %(name)s confirms it.",
        )
      : gettext("It goes from %(name)s to whoever you choose at once.");
    return html`<p>${fill(words, { name })}</p>`;
  }

  #failed() {
    const words = this.instead
      ? gettext("The list of riders could not be loaded.")
      : gettext("The list of riders could not be loaded. The order stays on the shelf.");
    return html`<p>${words}</p>
      ${button(gettext("Try again"), () => this.show(this))}`;
  }

  #nobody() {
    const words = this.instead
      ? gettext("There is nobody else who could bring it.")
      : gettext("There is no rider and no courier for this store yet. An administrator can add them.");
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
    const price = quote ? { quote } : {};
    if (this.instead) this.board.giveInstead({ ...this.card, delivery: this.#delivery }, key, price);
    else this.#giveFirst(key, name, price);
    this.close();
  }

  #giveFirst(key, name, price) {
    const split = this.bags !== (this.card.delivery?.bags || 1) ? { bags: this.bags } : {};
    // A rider of our own is one person: they take the first bag, and the card asks on for the others.
    const first = split.bags > 1 && key.startsWith("rider:") ? { bag: 1 } : {};
    this.board.handOff(this.card, key, name, { ...split, ...first, ...price });
  }
}

customElements.define("handoff-dialog", HandoffDialog);
