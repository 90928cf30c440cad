/** Answering a guest: agree to a request, refuse it with a reason, or say where the order is. */

import { html } from "../../../vendor/lit-3.3.3.js";
import { fill, money } from "../format.js";
import { openRequest, urgeWaits } from "../guests.js";
import { orderName, refuseReasons, requestTitle, urgeAnswers } from "../words.js";
import { DialogPiece } from "./dialog.js";
import { button } from "./piece.js";

const LONGEST = { refuse: 200, urge: 30 };

class AnswerDialog extends DialogPiece {
  static properties = {
    ...DialogPiece.properties,
    order: { state: true },
    /** "agree", "refuse" or "urge" */
    kind: { state: true },
    text: { state: true },
  };

  show({ id, kind }) {
    return super.show({ order: id, kind, text: "" });
  }

  get card() {
    return this.board.card(this.order);
  }

  title() {
    const card = this.board.card(this.order);
    const words = {
      agree: gettext("Agree for #%(number)s"),
      refuse: gettext("Refuse for #%(number)s"),
      urge: gettext("Answer the guest of #%(number)s"),
    }[this.kind];
    return fill(words, { number: card ? orderName(card) : "" });
  }

  body() {
    const { card } = this;
    const waits = card && (this.kind === "urge" ? urgeWaits(card) : openRequest(card));
    if (!waits) return html`<p>${gettext("This has been answered, or the guest no longer asks.")}</p>`;
    if (this.kind === "urge") return this.#urge(card);
    return html`
      <p><b>${requestTitle(card.request, "")}</b></p>
      ${this.kind === "agree" ? this.#agree(card) : this.#refuse(card)}`;
  }

  /* --- Agree: money goes back, so it is asked twice --- */

  #agree(card) {
    const { amount, about } = card.request;
    const back = amount ?? (about === "cancel" ? card.amounts.customer_paid : null);
    return html`
      <p>${paidBack(back, card.amounts.currency)} ${gettext("The platform is told at once; this cannot be taken back.")}</p>
      <div class="dialog-actions">
        ${button(gettext("Not now"), () => this.close())}
        ${button(gettext("Agree"), () => this.#send(card, "request", { answer: "agree", reason: "" }), {
          look: "button-danger answer-button",
        })}
      </div>`;
  }

  /* --- Refuse: the guest reads why --- */

  #refuse(card) {
    const refuse = (reason) => this.#send(card, "request", { answer: "refuse", reason });
    return html`
      <fieldset class="choice">
        <legend class="label">${gettext("Why? The guest reads it.")}</legend>
        <div class="choices choices-large">
          ${refuseReasons().map((reason) => button(reason, () => refuse(reason)))}
        </div>
      </fieldset>
      ${this.#own(gettext("Refuse"), refuse)}`;
  }

  /* --- Where is it? --- */

  #urge(card) {
    const say = (answer, text = "") => this.#send(card, "urge", { answer, text });
    return html`
      <div class="choices choices-large">
        ${urgeAnswers().map(([answer, words]) => button(words, () => say(answer), { look: "button-primary" }))}
      </div>
      ${this.#own(gettext("Send"), (text) => say("custom", text))}`;
  }

  #own(label, send) {
    const submit = (event) => {
      event.preventDefault();
      if (this.text.trim()) send(this.text.trim());
    };
    return html`<form class="own-words" @submit=${submit}>
      <label class="field grow">
        <span class="label">${gettext("In your own words")}</span>
        <input maxlength=${LONGEST[this.kind]} autocomplete="off" .value=${this.text}
          @input=${({ target }) => this.#type(target.value)} />
      </label>
      <button class="button" ?disabled=${!this.text.trim()}>${label}</button>
    </form>`;
  }

  #type(text) {
    this.text = text;
  }

  #send(card, verb, body) {
    this.close();
    this.board.answer(card, verb, body);
  }
}

/** `amount` is null if the platform does not say how much. */
function paidBack(amount, currency) {
  if (amount === 0) return gettext("The guest has paid nothing, so nothing is paid back.");
  if (amount === null) return gettext("The guest gets the money back.");
  return fill(gettext("The guest gets %(amount)s back."), { amount: money(amount, currency) });
}

customElements.define("answer-dialog", AnswerDialog);
