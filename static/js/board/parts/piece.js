/** What all components share: rendering into the page itself (plain CSS applies), and icons. */

import { html, LitElement, nothing } from "../../../vendor/lit-3.3.3.js";

const SPRITE = new URL("../../../icons/sprite.svg", import.meta.url).href;

export class Piece extends LitElement {
  createRenderRoot() {
    return this;
  }

  /** Tell the app something, through all components in between. */
  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true }));
  }
}

/** A component that reads the whole model and renders again whenever it changed. */
export class BoardPiece extends Piece {
  static properties = { board: { attribute: false } };
  #listen = () => this.requestUpdate();

  willUpdate(changed) {
    if (!changed.has("board")) return;
    changed.get("board")?.removeEventListener("change", this.#listen);
    this.board?.addEventListener("change", this.#listen);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.board?.removeEventListener("change", this.#listen);
  }
}

export function icon(name) {
  return html`<svg class="icon" aria-hidden="true" focusable="false">
    <use href="${SPRITE}#${name}"></use>
  </svg>`;
}

/** A button with words; `mark` is an icon before them, `look` further classes. */
export function button(words, press, { look = "", mark = null } = {}) {
  return html`<button type="button" class="button ${look}" @click=${press}>
    ${mark ? icon(mark) : nothing}<span>${words}</span>
  </button>`;
}

/** A button that shows an icon only; `label` is its name. */
export function iconButton(mark, label, press, look = "button-quiet") {
  return html`<button type="button" class="button button-icon ${look}" aria-label=${label} title=${label}
    @click=${press}>${icon(mark)}</button>`;
}
