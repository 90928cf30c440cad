/** The bar: which store, what time it is there, how fresh the board is; search, sound, recent, settings. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { clock, fill, span, tenths } from "../format.js";
import { BoardPiece, icon } from "./piece.js";

class BoardBar extends BoardPiece {
  render() {
    const { board } = this;
    if (!board) return nothing;
    return html`
      <strong class="bar-store"
        ><span class="bar-code">${board.boot.store.code}</span> <span class="bar-name">${board.boot.store.name}</span></strong
      >
      <time class="bar-clock" title=${board.zone}>${clock(board.now, board.zone)}<span class="bar-seconds">${seconds(board.now)}</span></time>
      ${this.#line()}
      <new-orders .count=${board.unseen.size}></new-orders>
      <span class="bar-tools">
        ${this.#tool("search", gettext("Find an order"), "open-search")}
        ${this.#tool("history", gettext("Recently done"), "open-recent")}
        ${this.#tool(board.sounds.volume ? "volume-2" : "volume-x", gettext("Sound and keys"), "open-settings")}
      </span>`;
  }

  #tool(name, label, event) {
    return html`<button type="button" class="button button-quiet button-icon" aria-label=${label} title=${label}
      @click=${() => this.emit(event)}>${icon(name)}</button>`;
  }

  #line() {
    const { board } = this;
    const { mode, measure } = board.feed;
    const fresh = mode === "live" && !board.stale;
    return html`
      <span class="bar-line ${fresh ? "is-live" : "is-old"}" title=${gettext("Measured: the time from a change at the server to this screen, the last change shown, changes not here yet")}>
        ${icon(fresh ? "radio" : "cloud-off")}
        <span>${this.#modeLabel(mode)}</span>
        <span class="bar-measure">· ${this.#delay(measure)}</span>
        <span class="bar-detail">· #${board.state.seq} · ${fill(gettext("%(count)s missing"), { count: board.missing })}</span>
      </span>`;
  }

  #modeLabel(mode) {
    if (mode === "polling" && !this.board.stale) return gettext("polling");
    if (mode === "live" && !this.board.stale) return gettext("live");
    return mode === "connecting" && !this.board.ready ? gettext("connecting") : gettext("not live");
  }

  /** Fresh: how long the last change took to get here. Not fresh: how old the board is. */
  #delay({ delay, heardAt }) {
    if (!this.board.stale)
      return delay === null ? "–" : fill(gettext("%(seconds)s s"), { seconds: atLeastATenth(delay) });
    if (heardAt === null) return "–";
    return fill(gettext("%(age)s old"), { age: span(Math.floor((Date.now() - heardAt) / 1000)) });
  }
}

function seconds(now) {
  return `:${String(Math.floor(now / 1000) % 60).padStart(2, "0")}`;
}

function atLeastATenth(delay) {
  return delay < 100 ? `< ${tenths(0.1)}` : tenths(delay / 1000);
}

customElements.define("board-bar", BoardBar);
