/** The board as a whole: lays the pieces out, keeps them still under a finger, and takes their wishes. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { bagBody } from "../carriage.js";
import { alarmsLabel, leftLabel } from "../carriage-words.js";
import { fill } from "../format.js";
import { actionFor, neighbour } from "../keys.js";
import { COLUMNS, columnOf } from "../state.js";
import { columnLabel } from "../words.js";
import { requestsWait } from "./bar.js";
import { BoardPiece } from "./piece.js";

const DIALOGS = {
  "open-search": "search-dialog",
  "open-recent": "recent-dialog",
  "open-settings": "settings-dialog",
  "open-pause": "pause-dialog",
  "open-bulk": "bulk-dialog",
};
/** What a dialog asks more about. */
const DIALOG = new Set(["handoff", "handoff/instead"]);
/** What makes sense only now, and what is kept until the server has it. */
const AT_ONCE = new Set(["handoff/cancel", "handoff/settle", "handoff/ask-again", "handoff/search-again"]);
const KEPT = new Set(["handoff/picked-up", "handoff/delivered"]);

class BoardApp extends BoardPiece {
  static properties = { ...BoardPiece.properties, tab: { state: true } };
  #intake = null;
  #focused = null;

  constructor() {
    super();
    this.tab = "waiting";
  }

  connectedCallback() {
    super.connectedCallback();
    // The bar lives outside this element, so wishes are taken at the document.
    for (const [event, name] of Object.entries(DIALOGS))
      document.addEventListener(event, () => this.#dialog(name));
    document.addEventListener("open-card", ({ detail }) => this.#dialog("order-dialog", detail));
    document.addEventListener("card-step", ({ detail }) => this.#step(detail));
    document.addEventListener("answer-guest", ({ detail }) => this.#answer(detail));
    document.addEventListener("move-order", ({ detail }) => this.#dialog("move-dialog", detail));
    document.addEventListener("undo-step", ({ detail }) => this.board.undo(detail.card));
    document.addEventListener("call-back", ({ detail }) => this.board.callBack(detail));
    document.addEventListener("find-card", ({ detail }) => this.#find(detail.id));
    document.addEventListener("choose-many", () => this.board.bulk.toggleChoosing());
    document.addEventListener("resume-intake", () => this.#resume());
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("pointerdown", () => this.board.touch(true));
    for (const name of ["pointerup", "pointercancel"])
      document.addEventListener(name, () => this.board.touch(false));
    this.addEventListener("focusin", ({ target }) => this.#remember(target));
  }

  render() {
    const { board } = this;
    if (!board) return nothing;
    if (!board.ready) return this.#loading();
    return html`
      <board-banners .board=${board}></board-banners>
      ${this.#strip()} ${this.#columns()}
      <div class="foot">
        <bulk-bar .board=${board}></bulk-bar>
        <undo-toast .card=${board.undoable} .handed=${board.handed} .now=${board.now} role="status"></undo-toast>
      </div>
      <p class="visually-hidden" role="status">${this.#spoken()}</p>
      ${this.#dialogs()}`;
  }

  #loading() {
    return html`
      <board-banners .board=${this.board}></board-banners>
      <p class="board-loading">${gettext("Loading the board …")}</p>`;
  }

  #strip() {
    const { board } = this;
    const { wave, store } = board.state;
    const intake = this.#steadyIntake();
    const paused = intake.level !== "open";
    return html`
      <section class="strip ${paused ? "is-paused" : ""}" aria-label=${gettext("Load and intake")}>
        <intake-switch .intake=${intake} .now=${board.now} .zone=${board.zone}></intake-switch>
        <wave-strip .wave=${wave} .cards=${board.cards} .cupsPerHour=${store.cups_per_hour}
          .minute=${Math.floor(board.now / 60_000) * 60_000} .zone=${board.zone}></wave-strip>
      </section>`;
  }

  /** The switch changes its height with its level: not while a finger is on the board. */
  #steadyIntake() {
    if (!this.#intake || !this.board.held) this.#intake = this.board.state.intake;
    return this.#intake;
  }

  #columns() {
    const { board } = this;
    const columns = board.columns;
    const layout = board.layout;
    return html`
      <nav class="tabs" aria-label=${gettext("Columns")}>
        ${[...COLUMNS, "rail"].map((name) => this.#tab(name, columns[name]?.length))}
      </nav>
      <div class="columns ${board.stale ? "is-stale" : ""}" data-tab=${this.tab}>
        ${COLUMNS.map(
          (name) => html`<board-column class="column column-${name}" .name=${name}
            .items=${this.#items(layout[name])} .now=${board.now} .zone=${board.zone} .lit=${board.lit}
            ?choosing=${board.bulk.choosing}></board-column>`,
        )}
        <board-rail class="rail" .cards=${board.cards} .carriers=${board.crew.carriers}
          .now=${board.now} .zone=${board.zone}></board-rail>
      </div>`;
  }

  #items(kept) {
    const { board } = this;
    return kept.map(({ card, gone }) => ({
      card,
      gone,
      hears: board.hears(card),
      pending: board.isPending(card.id),
      unseen: board.unseen.has(card.id),
      chosen: board.bulk.chosen.has(card.id),
    }));
  }

  #tab(name, count) {
    const label = name === "rail" ? gettext("To make") : columnLabel(name);
    return html`<button type="button" class="tab" aria-pressed=${String(name === this.tab)}
      @click=${() => this.#show(name)}>
      ${label}${count === undefined ? nothing : html` <b>${count}</b>`}
    </button>`;
  }

  #show(name) {
    this.tab = name;
  }

  #dialogs() {
    const { board } = this;
    return html`
      <order-dialog .board=${board}></order-dialog>
      <answer-dialog .board=${board}></answer-dialog>
      <move-dialog .board=${board}></move-dialog>
      <handoff-dialog .board=${board}></handoff-dialog>
      <bulk-dialog .board=${board}></bulk-dialog>
      <pause-dialog .board=${board}></pause-dialog>
      <recent-dialog .board=${board}></recent-dialog>
      <search-dialog .board=${board}></search-dialog>
      <settings-dialog .board=${board}></settings-dialog>`;
  }

  updated() {
    if (!this.board) return;
    document.documentElement.dataset.theme = this.board.settings.theme;
    this.board.painted();
    this.#refocus();
  }

  /** For screen readers: how many orders and guests wait, said politely when it changes. */
  #spoken() {
    const { unseen, requests, alarms, left } = this.board;
    const count = unseen.size;
    const fresh = count
      ? fill(ngettext("%(count)s new order", "%(count)s new orders", count), { count })
      : "";
    const asked = requests.length ? requestsWait(requests.length) : "";
    const alone = alarms.length ? alarmsLabel(alarms.length) : "";
    const standing = left.length ? leftLabel(left.length) : "";
    return [fresh, asked, alone, standing].filter(Boolean).join(", ");
  }

  /* --- Wishes --- */

  #dialog(name, subject) {
    this.querySelector(name)?.show(subject);
  }

  #step({ id, step, more = {} }) {
    const { board } = this;
    const card = board.card(id);
    if (!card || board.justMoved(id)) return;
    if (DIALOG.has(step)) this.#dialog("handoff-dialog", { card, instead: step !== "handoff" });
    else if (step === "choose") board.bulk.toggle(id);
    else if (step === "suggested") board.handOff(card, more.suggestion.key, more.suggestion.name);
    else if (step === "handoff/alone") this.#atOnce(card, "handoff/cancel", more);
    else if (AT_ONCE.has(step)) this.#atOnce(card, step, more);
    else if (KEPT.has(step)) board.follow(card, step);
    else board.step(card, step);
  }

  /** What makes sense only now; of asking again nothing could be seen otherwise. */
  async #atOnce(card, step, more) {
    const done = await this.board.ask(`/orders/${card.id}/${step}`, { ...bagBody(card), ...more });
    const name = card.delivery?.carrier_name ?? "";
    if (done && step === "handoff/ask-again")
      this.board.tell("plain", fill(gettext("%(name)s is being asked again"), { name }));
  }

  /** Show where a card is: its column, its page, and a light on it. */
  async #find(id) {
    const card = this.board.card(id);
    if (!card) return;
    this.tab = columnOf(card) ?? this.tab;
    this.board.light(id);
    await this.updateComplete;
    await Promise.all([...this.querySelectorAll("board-column")].map((part) => part.shown(id)));
    const article = this.#article(id);
    article?.scrollIntoView({ block: "nearest" });
    article?.focus({ preventScroll: true });
  }

  #answer({ id, kind }) {
    if (!this.board.justMoved(id)) this.#dialog("answer-dialog", { id, kind });
  }

  #resume() {
    this.board.ask("/intake", { level: "open", reason: "", lasts: "" });
  }

  /* --- Keys and focus --- */

  #key(event) {
    this.board.noticed();
    if (document.querySelector("dialog[open]")) return;
    const action = actionFor(event, this.board.settings);
    if (!action) return;
    event.preventDefault();
    this.#act(action);
  }

  #act(action) {
    const { undoable, handed, requests, alarms, left } = this.board;
    if (action === "request") requests.length && this.#dialog("order-dialog", { id: requests[0].id });
    else if (action === "alarm") this.#find((alarms[0] ?? left[0])?.id);
    else if (action === "choose") this.board.bulk.toggleChoosing();
    else if (action === "search" || action === "help")
      this.#dialog(action === "help" ? "settings-dialog" : "search-dialog");
    else if (action === "undo" && handed) this.board.callBack(handed);
    else if (action === "undo") undoable && this.board.undo(undoable);
    else if (action === "step") this.#article(this.#focused?.id)?.querySelector("[data-step]")?.click();
    else this.#article(neighbour(this.#visible(), this.#focused?.id, action))?.focus();
  }

  /** Ids of the cards that can be seen, column by column. */
  #visible() {
    return COLUMNS.map((name) =>
      [...this.querySelectorAll(`.column-${name} .slot:not([hidden]) [data-card]`)].map(({ dataset }) =>
        Number(dataset.card),
      ),
    );
  }

  #article(id) {
    return this.querySelector(`[data-card="${id}"]`);
  }

  #remember(target) {
    const article = target.closest("[data-card]");
    if (!article) {
      this.#focused = null;
      return;
    }
    const id = Number(article.dataset.card);
    const lists = this.#visible();
    const column = lists.findIndex((list) => list.includes(id));
    this.#focused = { id, column, row: lists[column]?.indexOf(id) ?? 0 };
  }

  /** The focused card went on: the focus stays at its place in the column. */
  async #refocus() {
    if (!this.#focused || document.activeElement !== document.body) return;
    const { column, row } = this.#focused;
    await Promise.all([...this.querySelectorAll("board-column")].map((part) => part.updateComplete));
    const list = this.#visible()[column] ?? [];
    this.#article(list[Math.min(row, list.length - 1)])?.focus({ preventScroll: true });
  }
}

customElements.define("board-app", BoardApp);
