/** The bar: which store, what time it is there, how fresh the board is; search, sound, recent, settings. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { alarmsLabel, leftLabel } from "../carriage-words.js";
import { clock, fill, span, tenths } from "../format.js";
import { BoardPiece, icon, iconButton } from "./piece.js";

class BoardBar extends BoardPiece {
  render() {
    const { board } = this;
    if (!board) return nothing;
    return html`
      ${this.#store()} ${this.#line()}
      <new-orders .count=${board.unseen.size}></new-orders>
      ${this.#alarms()} ${this.#requests()}
      <span class="bar-tools">
        ${iconButton("search", gettext("Find an order"), () => this.emit("open-search"))}
        ${iconButton("history", gettext("Recently done"), () => this.emit("open-recent"))}
        ${iconButton(this.#speaker(), gettext("Sound and keys"), () => this.emit("open-settings"))}
      </span>`;
  }

  #store() {
    const { boot, now, zone } = this.board;
    return html`
      <strong class="bar-store">
        <span class="bar-code">${boot.store.code}</span>
        <span class="bar-name">${boot.store.name}</span>
      </strong>
      <time class="bar-clock" title=${zone}
        >${clock(now, zone)}<span class="bar-seconds">${seconds(now)}</span></time
      >`;
  }

  /** Orders nobody carries: a press shows the one that waits longest. */
  #alarms() {
    const { alarms } = this.board;
    if (!alarms.length) return this.#left();
    const find = () => this.emit("find-card", { id: alarms[0].id });
    return html`<button type="button" class="button bar-requests bar-alarms" title=${alarmsLabel(alarms.length)}
      @click=${find}>
      ${icon("triangle-alert")}<b>${alarms.length}</b><span class="bar-requests-words">${gettext("no carrier")}</span>
    </button>`;
  }

  /** Orders nobody is asked to carry: where there is no alarm, they stand in its place. */
  #left() {
    const { left } = this.board;
    if (!left.length) return nothing;
    const find = () => this.emit("find-card", { id: left[0].id });
    return html`<button type="button" class="button bar-requests bar-alarms is-left" title=${leftLabel(left.length)}
      @click=${find}>
      ${icon("bell")}<b>${left.length}</b><span class="bar-requests-words">${gettext("not handed off")}</span>
    </button>`;
  }

  /** Guests who wait for an answer: a press opens the most urgent. */
  #requests() {
    const { requests } = this.board;
    if (!requests.length) return nothing;
    const words = requestsWait(requests.length);
    const open = () => this.emit("open-card", { id: requests[0].id });
    return html`<button type="button" class="button bar-requests" title=${words} @click=${open}>
      ${icon("hand-helping")}<b>${requests.length}</b><span class="bar-requests-words">${requestsWord(requests.length)}</span>
    </button>`;
  }

  #speaker() {
    return this.board.sounds.volume ? "volume-2" : "volume-x";
  }

  #line() {
    const { board } = this;
    const { mode, measure } = board.feed;
    const fresh = mode === "live" && !board.stale;
    const missing = fill(gettext("%(count)s missing"), { count: board.missing });
    return html`
      <span class="bar-line ${fresh ? "is-live" : "is-old"}" title=${explained()}>
        ${icon(fresh ? "radio" : "cloud-off")}
        <span>${this.#modeLabel(mode)}</span>
        <span class="bar-measure">· ${this.#delay(measure)}</span>
        <span class="bar-detail">· #${board.state.seq} · ${missing}</span>
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

/** How many guests wait for an answer. */
export function requestsWait(count) {
  return fill(
    ngettext(
      "%(count)s guest waits for an answer to a request",
      "%(count)s guests wait for an answer to a request",
      count,
    ),
    { count },
  );
}

function requestsWord(count) {
  return ngettext("request", "requests", count);
}

function explained() {
  return gettext("Measured: how long the last change took to get here, its number, and changes not here yet");
}

function seconds(now) {
  return `:${String(Math.floor(now / 1000) % 60).padStart(2, "0")}`;
}

function atLeastATenth(delay) {
  return delay < 100 ? `< ${tenths(0.1)}` : tenths(delay / 1000);
}

customElements.define("board-bar", BoardBar);
