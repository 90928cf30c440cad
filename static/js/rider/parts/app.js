/** The rider's page as a whole: how things stand, what is next, what waits on the shelf. */

import { html, nothing, repeat } from "../../../vendor/lit-3.3.3.js";
import { clock, fill } from "../../board/format.js";
import { button, icon, Piece } from "../../board/parts/piece.js";
import { hereSince, unannounced } from "../fold.js";
import { lineWords, noticeWords, stepDone, stepLabel } from "../words.js";

class RiderApp extends Piece {
  static properties = { rider: { attribute: false }, opened: { state: true } };
  #listen = () => this.requestUpdate();

  constructor() {
    super();
    this.opened = null;
    this.addEventListener("open-stop", ({ detail }) => {
      this.opened = this.opened === detail ? null : detail;
    });
    this.addEventListener("take-step", ({ detail }) => this.rider.step(detail.stop, detail.verb));
    this.addEventListener("open-problem", ({ detail }) => this.querySelector("problem-dialog").show(detail));
  }

  willUpdate(changed) {
    if (!changed.has("rider")) return;
    this.rider?.addEventListener("change", this.#listen);
  }

  render() {
    const { rider } = this;
    if (!rider) return nothing;
    if (rider.over) return this.#over();
    const view = rider.view;
    return html`
      ${this.#head(view)} ${this.#notices()}
      <main class="rider-main" id="main">
        <h1 class="visually-hidden">${gettext("My stops")}</h1>
        ${this.#way(view.way)} ${this.#shelf(view)} ${this.#nothing(view)}
      </main>
      ${this.#undo()}
      <problem-dialog .rider=${rider}></problem-dialog>`;
  }

  get #zone() {
    return this.rider.list?.store.timezone ?? "UTC";
  }

  #head({ waiting, delivered }) {
    const { rider } = this;
    return html`
      <header class="rider-head ${rider.stale ? "is-stale" : ""}">
        <div class="rider-who">
          <b>${rider.list?.rider.name ?? ""}</b>
          <span>${rider.list?.store.name ?? ""}</span>
        </div>
        <p class="rider-line" role="status">
          ${icon(rider.line === "offline" ? "wifi-off" : "wifi")}
          <span>${lineWords(rider, this.#zone)}</span>
          ${waiting ? html`<b class="rider-waiting">${icon("send")} ${this.#waiting(waiting)}</b>` : nothing}
          <span class="rider-done">${icon("circle-check")} ${this.#delivered(delivered)}</span>
        </p>
      </header>`;
  }

  #waiting(count) {
    return fill(ngettext("%(count)s step not sent yet", "%(count)s steps not sent yet", count), { count });
  }

  #delivered(count) {
    return fill(ngettext("%(count)s delivered", "%(count)s delivered", count), { count });
  }

  #notices() {
    return repeat(
      this.rider.notices,
      ({ id }) => id,
      (notice) => html`<div class="banner banner-bad rider-notice" role="alert">
        <p>${noticeWords(notice, this.#zone)}</p>
        ${button(gettext("Seen"), () => this.rider.dismiss(notice.id))}
      </div>`,
    );
  }

  #way(stops) {
    if (!stops.length) return nothing;
    return html`<section aria-labelledby="way">
      <h2 id="way">${gettext("On the road")} <b>${stops.length}</b></h2>
      ${this.#list(stops, "delivered", true)}
    </section>`;
  }

  #shelf({ shelf, way }) {
    if (!shelf.length) return nothing;
    const ready = shelf.filter(({ state }) => state === "ready");
    return html`<section aria-labelledby="shelf">
      <h2 id="shelf">${gettext("Pick up at the store")} <b>${shelf.length}</b></h2>
      ${this.#here(shelf)}
      ${
        ready.length > 1
          ? button(
              fill(gettext("Picked up all %(count)s"), { count: ready.length }),
              () => this.rider.pickUpAll(ready),
              { look: "rider-all", mark: "shopping-bag" },
            )
          : nothing
      }
      ${this.#list(shelf, "picked-up", !way.length)}
    </section>`;
  }

  /** Whoever waits at the counter says so once, for all that waits there. */
  #here(shelf) {
    const away = unannounced(shelf);
    if (away.length)
      return button(stepLabel("arrived"), () => this.rider.arrive(away), {
        look: "rider-all",
        mark: "store",
      });
    const since = hereSince(shelf);
    if (!since) return nothing;
    const kept = this.rider.queue.entries.some(({ verb }) => verb === "arrived");
    const words = kept
      ? gettext("You are at the store")
      : fill(gettext("The counter knows since %(time)s"), { time: clock(since, this.#zone) });
    return html`<p class="rider-here">${icon("circle-check")} ${words}</p>`;
  }

  #list(stops, verb, leads) {
    const { rider, opened } = this;
    return html`<ol class="rider-stops">
      ${repeat(
        stops,
        ({ order }) => order,
        (stop, index) => html`<li>
          <rider-stop .stop=${stop} .verb=${verb} .place=${index + 1} .now=${rider.now} .zone=${this.#zone}
            .rider=${rider} .phone=${rider.phones.get(stop.order)}
            ?open=${opened === stop.order || (leads && index === 0)}></rider-stop>
        </li>`,
      )}
    </ol>`;
  }

  #nothing({ way, shelf }) {
    if (way.length || shelf.length) return nothing;
    return html`<div class="empty rider-empty">
      ${icon("bike")}
      <p>${this.rider.list ? gettext("Nothing to bring right now. New orders appear here by themselves.") : gettext("Loading your stops …")}</p>
    </div>`;
  }

  #undo() {
    const { undoable, now } = this.rider;
    if (!undoable) return nothing;
    const seconds = Math.max(1, Math.ceil((undoable.until - now) / 1000));
    return html`<div class="rider-undo" role="status">
      <span>${stepDone(undoable)}</span>
      <button type="button" class="button" @click=${() => this.rider.undo()}>
        ${icon("undo-2")} ${gettext("Undo")} <span aria-hidden="true">${seconds}</span>
      </button>
    </div>`;
  }

  #over() {
    const { waiting } = this.rider.view;
    return html`<main class="rider-over" id="main">
      ${icon("lock")}
      <h1>${this.rider.over}</h1>
      ${waiting ? html`<p>${this.#waiting(waiting)}. ${gettext("It goes out when you open the new link.")}</p>` : nothing}
    </main>`;
  }
}

customElements.define("rider-app", RiderApp);
