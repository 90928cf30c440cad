/** Everything about one order, and the rarer steps; rejecting and cancelling ask for a reason. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { clock, fill, money } from "../format.js";
import { canMove, canPostpone, nextStep, otherSteps } from "../state.js";
import { endReasons, fulfilmentLabel, orderName, platformLabel, stateLabel, stepLabel } from "../words.js";
import { conflictBand, requestBand, urgeBand } from "./asks.js";
import { drinks, expectedWords, noteLine } from "./card.js";
import { carriageBands } from "./carriage.js";
import { DialogPiece } from "./dialog.js";
import { button, icon } from "./piece.js";

const NEEDS_REASON = new Set(["reject", "cancel"]);
const LATER = [5, 10, 15, 20, 30]; // minutes

class OrderDialog extends DialogPiece {
  static properties = {
    ...DialogPiece.properties,
    order: { state: true },
    /** "reject" or "cancel" while the reason is asked */
    ending: { state: true },
    phone: { state: true },
  };

  show({ id, ending = null }) {
    this.phone = null;
    return super.show({ order: id, ending });
  }

  get card() {
    return this.board.card(this.order) ?? this.last;
  }

  willUpdate(changed) {
    super.willUpdate(changed);
    if (this.shown) this.last = this.board.card(this.order) ?? this.last;
  }

  title() {
    return this.card ? `#${orderName(this.card)} · ${stateLabel(this.card.state)}` : "";
  }

  body() {
    const { card } = this;
    if (!card) return nothing;
    return this.ending ? this.#reasons(card) : this.#details(card);
  }

  /* --- Details --- */

  #details(card) {
    return html`
      ${this.#asks(card)} ${this.#carriage(card)} ${drinks(card)}
      ${noteLine(card.note)}
      ${canPostpone(card) ? this.#later(card) : nothing}
      <dl class="facts">${this.#facts(card).map(([name, value]) => fact(name, value))}</dl>
      ${card.customer?.phone_mask ? this.#phone(card) : nothing}
      <div class="dialog-actions">${this.#steps(card)}</div>`;
  }

  #asks(card) {
    const { board } = this;
    const answer = (kind) => {
      this.close();
      this.emit("answer-guest", { id: card.id, kind });
    };
    const view = { card, now: board.now, zone: board.zone, hears: board.hears(card), answer };
    return html`${requestBand(view)} ${urgeBand(view)} ${conflictBand(card)}`;
  }

  #carriage(card) {
    const { now, zone } = this.board;
    const press = (step, more) => {
      this.close();
      this.emit("card-step", { id: card.id, step, more });
    };
    return carriageBands({ card, now, zone, press, whole: true });
  }

  /** It takes longer: the board shows until when, and platforms that can hear it are told. */
  #later(card) {
    const choice = (count) => button(`+${count}`, () => this.#postpone(card, count));
    const told = this.board.hears(card).has("order.delayed");
    return html`<fieldset class="choice">
      <legend class="label">${gettext("Ready later: in so many minutes")}</legend>
      <div class="choices choices-even">${LATER.map(choice)}</div>
      ${told ? nothing : html`<p class="field-hint">${gettext("Only this board shows it: the platform takes no delays.")}</p>`}
    </fieldset>`;
  }

  #postpone(card, minutes) {
    this.close();
    this.board.ask(`/orders/${card.id}/postpone`, { minutes });
  }

  #facts(card) {
    const { amounts, customer, campaign } = card;
    const at = (time) => time && clock(time, this.board.zone);
    return [
      [gettext("Placed"), at(card.placed_at)],
      [gettext("Due"), at(card.promised_at)],
      [gettext("Expected"), canPostpone(card) && card.expected_at && expectedWords(card, this.board.zone)],
      [gettext("Ready since"), at(card.ready_at)],
      [gettext("Found by asking the platform"), at(card.recovered_at)],
      [gettext("Rider"), riderOf(card.delivery)],
      [gettext("Platform"), `${platformLabel(card)} · ${card.external_id}`],
      [gettext("Campaign"), campaign?.name],
      [gettext("Goes by"), fulfilmentLabel(card.fulfilment)],
      [gettext("Guest"), customer?.name],
      [gettext("Address"), customer?.address],
      [gettext("Guest paid"), money(amounts.customer_paid, amounts.currency)],
      [gettext("Store gets"), money(amounts.shop_income, amounts.currency)],
    ];
  }

  #phone(card) {
    const { phone } = this;
    if (phone) return html`<p><a class="button" href="tel:${phone}">${icon("phone")}${phone}</a></p>`;
    return html`<p class="phone">
      <span>${card.customer.phone_mask}</span>
      ${button(gettext("Show number"), () => this.#reveal(card), { mark: "eye" })}
      <small class="muted">${gettext("It is recorded who looked.")}</small>
    </p>`;
  }

  async #reveal(card) {
    const answer = await this.board.ask(`/orders/${card.id}/phone`, {});
    if (answer && card.id === this.order) this.phone = answer.phone;
  }

  #steps(card) {
    const next = nextStep(card);
    const others = otherSteps(card).filter((step) => step !== next);
    const choice = (step, look) => button(stepLabel(step), () => this.#choose(card, step), { look });
    const movable = this.board.boot.manages && canMove(card, this.board.hears(card));
    return html`
      ${others.map((step) => choice(step, NEEDS_REASON.has(step) ? "button-warning" : ""))}
      ${movable ? button(gettext("Other store"), () => this.#move(card), { mark: "store" }) : nothing}
      ${next ? choice(next, "button-primary") : nothing}`;
  }

  #move(card) {
    this.close();
    this.emit("move-order", { card });
  }

  #choose(card, step) {
    if (NEEDS_REASON.has(step)) {
      this.ending = step;
      return;
    }
    this.close();
    this.emit("card-step", { id: card.id, step });
  }

  /* --- Reject and cancel --- */

  #reasons(card) {
    const question =
      this.ending === "reject" ? gettext("Why is it rejected?") : gettext("Why is it cancelled?");
    const warning = gettext(
      "The guest and the platform are told. #%(number)s cannot be brought back after that.",
    );
    const choice = ([reason, words]) =>
      button(words, () => this.#end(card, reason), { look: "button-danger" });
    return html`
      <p>${fill(warning, { number: orderName(card) })}</p>
      <fieldset class="choice">
        <legend class="label">${question}</legend>
        <div class="choices choices-large">${endReasons(this.ending).map(choice)}</div>
      </fieldset>
      <div class="dialog-actions">${button(gettext("Keep the order"), () => this.close())}</div>`;
  }

  #end(card, reason) {
    this.close();
    this.board.step(card, this.ending, reason);
  }
}

/** Who comes, and the last digits of their number. */
function riderOf(delivery) {
  return delivery && [delivery.rider, delivery.rider_phone].filter(Boolean).join(" · ");
}

function fact(name, value) {
  return value ? html`<div><dt>${name}</dt><dd>${value}</dd></div>` : nothing;
}

customElements.define("order-dialog", OrderDialog);
