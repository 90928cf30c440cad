/** This device: volume with a test, single-letter keys, light or dark, and the list of keys. */

import { html } from "../../../vendor/lit-3.3.3.js";
import { DialogPiece } from "./dialog.js";
import { button } from "./piece.js";

class SettingsDialog extends DialogPiece {
  title() {
    return gettext("Sound and keys");
  }

  body() {
    const { volume, letters, theme } = this.board.settings;
    return html`
      <div class="field">
        <label for="volume">${gettext("Volume")}</label>
        <div class="row">
          <input id="volume" class="grow" type="range" min="0" max="1" step="0.1" .value=${String(volume)}
            @input=${(event) => this.board.setting("volume", Number(event.target.value))} />
          ${button(gettext("Test"), () => this.#test(), { mark: "volume-2" })}
        </div>
      </div>
      <label class="row switch">
        <input type="checkbox" .checked=${letters}
          @change=${({ target }) => this.board.setting("letters", target.checked)} />
        ${gettext("Single letters are commands")}
      </label>
      <label class="row switch">
        <input type="checkbox" .checked=${theme === "dark"}
          @change=${({ target }) => this.#theme(target.checked)} />
        ${gettext("Dark board")}
      </label>
      <h3>${gettext("Keys")}</h3>
      <dl class="keys">
        ${key(["↑", "↓", "j", "k"], gettext("From card to card"))}
        ${key(["←", "→"], gettext("From column to column"))}
        ${key(["Enter"], gettext("Next step of the card"))}
        ${key(["u"], gettext("Take the last step back"))}
        ${key(["r"], gettext("The guest who waits longest for an answer"))}
        ${key(["n"], gettext("The order that has waited longest for a carrier"))}
        ${key(["b"], gettext("Choose several orders to hand off"))}
        ${key(["/"], gettext("Find an order"))}
        ${key(["?"], gettext("This list"))}
      </dl>`;
  }

  async #test() {
    await this.board.sounds.unlock();
    this.board.sounds.play("order");
  }

  #theme(dark) {
    this.board.setting("theme", dark ? "dark" : "light");
  }
}

function key(names, meaning) {
  return html`<div><dt>${names.map((name) => html`<kbd>${name}</kbd> `)}</dt><dd>${meaning}</dd></div>`;
}

customElements.define("settings-dialog", SettingsDialog);
