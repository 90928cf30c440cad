/** The bar of one hand-off of many: what is chosen, the two ways to go, how far it is, what was refused. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { handable } from "../bulk.js";
import { fill } from "../format.js";
import { BoardPiece, button, icon } from "./piece.js";

const REFUSALS = 3; // the others stay chosen on the board

class BulkBar extends BoardPiece {
  render() {
    const { bulk } = this.board ?? {};
    if (!bulk || (!bulk.choosing && !bulk.run)) return nothing;
    return html`<section class="bulk" aria-label=${gettext("Hand off several orders")}>
      ${bulk.run ? this.#progress(bulk) : nothing} ${bulk.busy ? nothing : this.#tools(bulk)}
    </section>`;
  }

  #tools(bulk) {
    const { board } = this;
    const count = bulk.chosen.size;
    const all = handable(board.cards);
    const every = all.length > 0 && all.every((id) => bulk.chosen.has(id));
    return html`<div class="bulk-row">
      <b class="bulk-count">${fill(ngettext("%(count)s chosen", "%(count)s chosen", count), { count })}</b>
      <button type="button" class="button choice-button" aria-pressed=${String(every)} ?disabled=${!all.length}
        @click=${() => bulk.toggleAll(board.cards)}>
        ${fill(gettext("All that are ready (%(count)s)"), { count: all.length })}
      </button>
      <span class="grow"></span>
      ${button(gettext("Done"), () => this.#leave(bulk))}
      <button type="button" class="button bulk-to" ?disabled=${!count} @click=${() => this.emit("open-bulk")}>
        ${gettext("To one carrier …")}
      </button>
      <button type="button" class="button button-primary bulk-go" ?disabled=${!count}
        @click=${() => bulk.start("auto")}>
        ${icon("send")}<span>${this.#goWords(count)}</span>
      </button>
    </div>`;
  }

  #goWords(count) {
    if (!count) return gettext("Hand off as suggested");
    const words = ngettext("Hand off %(count)s as suggested", "Hand off %(count)s as suggested", count);
    return fill(words, { count });
  }

  #leave(bulk) {
    if (bulk.run) bulk.dismiss();
    if (bulk.choosing) bulk.toggleChoosing();
  }

  #progress(bulk) {
    const { total, done, refused, waiting } = bulk.run;
    const words = fill(gettext("%(done)s of %(total)s handed off"), { done, total });
    return html`<div class="bulk-progress">
      <p class="bulk-row" role="status">
        <b>${words}</b>
        ${refused ? html`<span class="bulk-refused">${this.#refusedWords(refused)}</span>` : nothing}
        ${waiting ? nothing : html`<span class="bulk-done">${icon("check")}${gettext("finished")}</span>`}
      </p>
      <progress max=${total || 1} value=${done + refused} aria-label=${words}></progress>
      ${bulk.refusals.length ? this.#refusals(bulk.refusals) : nothing}
    </div>`;
  }

  #refusedWords(count) {
    return fill(ngettext("%(count)s refused, still chosen", "%(count)s refused, still chosen", count), {
      count,
    });
  }

  #refusals(items) {
    const rest = items.length - REFUSALS;
    return html`<ul class="bulk-reasons">
      ${items.slice(0, REFUSALS).map(({ number, detail }) => html`<li><b>${number}</b> ${detail}</li>`)}
      ${rest > 0 ? html`<li>${fill(ngettext("+%(count)s more", "+%(count)s more", rest), { count: rest })}</li>` : nothing}
    </ul>`;
  }
}

customElements.define("bulk-bar", BulkBar);
