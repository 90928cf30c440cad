/** Pause intake: why, and for how long. One press on a length does it. Below it, who did so before. */

import { html, live, nothing } from "../../../vendor/lit-3.3.3.js";
import { clock, fill } from "../format.js";
import { actorLabel, pauseReasons, reasonLabel } from "../words.js";
import { DialogPiece } from "./dialog.js";
import { button } from "./piece.js";

const SHOWN_CHANGES = 5;
const MINUTES = ["5", "10", "20", "30"];

class PauseDialog extends DialogPiece {
  static properties = { ...DialogPiece.properties, reason: { state: true }, changes: { state: true } };

  async show() {
    this.reason = pauseReasons()[0];
    this.changes = [];
    await super.show();
    this.changes = (await this.board.read("/intake/history"))?.changes ?? [];
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
          <input maxlength="200" .value=${live(this.reason)}
            @input=${({ target }) => this.#say(target.value)} />
        </label>
      </fieldset>
      <fieldset class="choice">
        <legend class="label">${gettext("For how long")}</legend>
        <div class="choices choices-large">
          ${MINUTES.map((count) => this.#length(count, fill(gettext("%(count)s min"), { count })))}
          ${this.#length("shift", gettext("This shift"))} ${this.#length("today", gettext("Today"))}
        </div>
      </fieldset>
      <p class="field-hint">
        ${gettext("Platforms are told at once. Orders that still come in are kept and marked as held.")}
      </p>
      ${this.changes.length ? this.#history() : nothing}`;
  }

  #history() {
    return html`<section>
      <h3>${gettext("Last changes")}</h3>
      <ul class="history">${this.changes.slice(0, SHOWN_CHANGES).map((change) => this.#change(change))}</ul>
    </section>`;
  }

  #change({ level, reason, actor, at }) {
    const what = level === "open" ? gettext("Open") : gettext("Paused");
    const words = [clock(at, this.board.zone), what, actorLabel(actor), reasonLabel(reason)];
    return html`<li>${words.filter(Boolean).join(" · ")}</li>`;
  }

  #reason(reason) {
    const chosen = String(reason === this.reason);
    return html`<button type="button" class="button choice-button" aria-pressed=${chosen}
      @click=${() => this.#say(reason)}>${reason}</button>`;
  }

  #say(reason) {
    this.reason = reason;
  }

  #length(lasts, label) {
    return button(label, () => this.#pause(lasts));
  }

  #pause(lasts) {
    this.board.ask("/intake", { level: "paused", reason: this.reason.trim(), lasts });
    this.close();
  }
}

customElements.define("pause-dialog", PauseDialog);
