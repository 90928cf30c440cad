/** The frame of every dialog: a native <dialog> with a title, a close button and a body. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { BoardPiece, icon } from "./piece.js";

export class DialogPiece extends BoardPiece {
  static properties = { ...BoardPiece.properties, shown: { state: true } };

  /** Open for a subject: an object whose fields become this dialog's (`card`, `verb` …). */
  async show(subject = {}) {
    Object.assign(this, subject);
    this.shown = true;
    await this.updateComplete;
    this.querySelector("dialog").showModal();
  }

  close() {
    this.querySelector("dialog")?.close();
  }

  render() {
    if (!this.shown) return nothing;
    const id = `${this.localName}-title`;
    return html`
      <dialog aria-labelledby=${id} @close=${() => this.#closed()} @click=${this.#outside}>
        <header class="dialog-head">
          <h2 id=${id}>${this.title()}</h2>
          <button type="button" class="button button-quiet button-icon" aria-label=${gettext("Close")}
            @click=${() => this.close()}>${icon("x")}</button>
        </header>
        <div class="dialog-body">${this.body()}</div>
      </dialog>`;
  }

  #closed() {
    this.shown = false;
  }

  #outside(event) {
    if (event.target === event.currentTarget) event.currentTarget.close();
  }
}
