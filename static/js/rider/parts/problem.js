/** What went wrong with a stop: a code, a few words, a photo; and whether the rider gives it back. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { fill } from "../../board/format.js";
import { icon, iconButton, Piece } from "../../board/parts/piece.js";
import { shrink } from "../photo.js";
import { stopName } from "../words.js";

const CODES = JSON.parse(document.getElementById("boot").textContent).problems;

class ProblemDialog extends Piece {
  static properties = {
    rider: { attribute: false },
    stop: { state: true },
    code: { state: true },
    photo: { state: true },
    fault: { state: true },
  };

  show(stop) {
    Object.assign(this, { stop, code: "", photo: null, fault: "" });
    this.updateComplete.then(() => {
      this.querySelector("form").reset();
      this.querySelector("dialog").showModal();
    });
  }

  render() {
    const { stop } = this;
    return html`<dialog class="problem" aria-labelledby="problem-heading">
      ${stop ? this.#form(stop) : nothing}
    </dialog>`;
  }

  #form(stop) {
    return html`<form @submit=${this.#send}>
      <div class="problem-head">
        <h2 id="problem-heading">${fill(gettext("What is wrong with #%(number)s?"), { number: stopName(stop) })}</h2>
        ${iconButton("x", gettext("Close"), () => this.#close())}
      </div>
      <fieldset class="problem-codes">
        <legend class="visually-hidden">${gettext("What is wrong")}</legend>
        ${CODES.map(([code, words]) => this.#choice(code, words))}
      </fieldset>
      <div class="field">
        <label for="problem-note">${gettext("A few words, if you like")}</label>
        <textarea id="problem-note" name="note" maxlength="500" rows="2"></textarea>
      </div>
      ${this.#camera()}
      <label class="problem-back">
        <input type="checkbox" name="back" /> <span>${gettext("I give it back: somebody else brings it")}</span>
      </label>
      ${this.fault ? html`<p class="field-error" role="alert">${this.fault}</p>` : nothing}
      <button type="submit" class="button button-primary stop-next">${icon("send")} ${gettext("Send the report")}</button>
    </form>`;
  }

  #choice(code, words) {
    return html`<label class="problem-code">
      <input type="radio" name="code" value=${code} required /> <span>${words}</span>
    </label>`;
  }

  #camera() {
    return html`<div class="problem-photo">
      <label class="button">
        ${icon("camera")} ${this.photo ? gettext("Another photo") : gettext("Take a photo")}
        <input class="visually-hidden" type="file" name="photo" accept="image/*" capture="environment" @change=${this.#shot} />
      </label>
      ${this.photo ? html`<span class="chip chip-good">${icon("check")} ${gettext("1 photo")}</span>` : nothing}
    </div>`;
  }

  async #shot({ target }) {
    this.fault = "";
    try {
      this.photo = target.files[0] ? await shrink(target.files[0]) : null;
    } catch {
      this.photo = null;
      this.fault = gettext("This photo cannot be used. Take another, or report without one.");
    }
  }

  async #send(event) {
    event.preventDefault();
    const data = new FormData(event.target);
    const { stop, photo, rider } = this;
    this.#close();
    await rider.report(stop, { code: data.get("code"), note: data.get("note"), photo });
    if (data.has("back")) await rider.step(stop, "given-back");
  }

  #close() {
    this.querySelector("dialog").close();
  }
}

customElements.define("problem-dialog", ProblemDialog);
