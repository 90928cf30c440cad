/** Pause intake: why, and for how long. One press on a length does it. */

import { html, live } from "../../../vendor/lit-3.3.3.js";
import { fill } from "../format.js";
import { pauseReasons } from "../words.js";
import { DialogPiece } from "./dialog.js";

const MINUTES = ["5", "10", "20", "30"];

class PauseDialog extends DialogPiece {
  static properties = { ...DialogPiece.properties, reason: { state: true } };

  show() {
    this.reason = pauseReasons()[0];
    return super.show();
  }

  title() {
    return gettext("Pause orders");
  }

  body() {
    return html`
      <fieldset class="choice">
        <legend class="label">${gettext("Why")}</legend>
        <div class="choices">${pauseReasons().map((reason) => this.#reason(reason))}</div>
        <label class="field">
          <span class="visually-hidden">${gettext("Reason in your own words")}</span>
          <input maxlength="200" .value=${live(this.reason)} @input=${(event) => this.#say(event.target.value)} />
        </label>
      </fieldset>
      <fieldset class="choice">
        <legend class="label">${gettext("For how long")}</legend>
        <div class="choices choices-large">
          ${MINUTES.map((count) => this.#length(count, fill(gettext("%(count)s min"), { count })))}
          ${this.#length("shift", gettext("This shift"))} ${this.#length("today", gettext("Today"))}
        </div>
      </fieldset>
      <p class="field-hint">${gettext("Platforms are told at once. Orders that still come in are kept and marked as held.")}</p>`;
  }

  #reason(reason) {
    return html`<button type="button" class="button choice-button" aria-pressed=${String(reason === this.reason)}
      @click=${() => this.#say(reason)}>${reason}</button>`;
  }

  #say(reason) {
    this.reason = reason;
  }

  #length(lasts, label) {
    return html`<button type="button" class="button" @click=${() => this.#pause(lasts)}>${label}</button>`;
  }

  #pause(lasts) {
    this.board.ask("/intake", { level: "paused", reason: this.reason.trim(), lasts });
    this.close();
  }
}

customElements.define("pause-dialog", PauseDialog);
