/** What is wrong, since when, and what still works; and the call for new orders. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { fill, span } from "../format.js";
import { BoardPiece, button, icon, iconButton } from "./piece.js";

class BoardBanners extends BoardPiece {
  /** A banner that comes or goes moves everything below it: not while a finger is on the board. */
  shouldUpdate() {
    return !this.board?.held;
  }

  render() {
    const { board } = this;
    if (!board) return nothing;
    return html`${this.#access()} ${this.#line()} ${this.#kept()} ${this.#sound()} ${this.#notices()}`;
  }

  #access() {
    const { feed, commands, boot } = this.board;
    if (feed.refused === "no-store")
      return banner("bad", "ban", gettext("This store is not yours any more. Ask your manager for access."));
    if (feed.refused !== "signed-out" && !commands.signedOut) return nothing;
    const words = gettext(
      "You are signed out. What you pressed is kept on this device and sent after you sign in again.",
    );
    return banner(
      "bad",
      "log-out",
      words,
      html`<a class="button" href=${boot.login}>${gettext("Sign in")}</a>`,
    );
  }

  #line() {
    const { board } = this;
    if (!board.stale || !board.ready || board.feed.refused) return nothing;
    const age = span(Math.floor((Date.now() - board.feed.measure.heardAt) / 1000));
    const words = gettext(
      "No connection, the board is %(age)s old. Steps and hand-offs are kept and sent later; pausing waits.",
    );
    const kept = board.commands.entries.length;
    return banner(
      "warn",
      "wifi-off",
      html`${fill(words, { age })} ${kept ? html`<b>${keptWords(kept)}</b>` : nothing}`,
    );
  }

  /** The line is there but the server does not take what was pressed. */
  #kept() {
    const { entries, signedOut } = this.board.commands;
    const waiting = entries.filter((entry) => entry.tries > 1).length;
    if (!waiting || signedOut || this.board.stale) return nothing;
    return banner("warn", "send", keptWords(waiting));
  }

  #sound() {
    if (!this.board.sounds.blocked) return nothing;
    return banner(
      "plain",
      "bell-off",
      gettext("Sound is off until somebody touches the board."),
      button(gettext("Turn sound on"), () => this.board.sounds.unlock()),
    );
  }

  #notices() {
    return this.board.notices.map((notice) => {
      const close = iconButton("x", gettext("Close"), () => this.board.forget(notice), "");
      return banner(notice.tone, "circle-alert", notice.text, close);
    });
  }
}

function keptWords(count) {
  return fill(
    ngettext("%(count)s step is kept and will be sent.", "%(count)s steps are kept and will be sent.", count),
    {
      count,
    },
  );
}

function banner(tone, name, text, action = nothing) {
  return html`<div class="banner banner-${tone}" role=${tone === "plain" ? "status" : "alert"}>
    ${icon(name)}<span class="grow">${text}</span>${action}
  </div>`;
}

customElements.define("board-banners", BoardBanners);
