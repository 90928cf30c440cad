/** One stop: what to bring where until when, and the one large button for the next step. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { fill } from "../../board/format.js";
import { button, icon, Piece } from "../../board/parts/piece.js";
import { hasEnded } from "../fold.js";
import { callLink, mapLink } from "../links.js";
import { shrink } from "../photo.js";
import { channelName, distance, promise, shelfWords, stepLabel } from "../words.js";

class RiderStop extends Piece {
  static properties = {
    stop: { attribute: false },
    rider: { attribute: false },
    phone: { attribute: false },
    verb: {},
    place: { type: Number },
    now: { type: Number },
    zone: {},
    open: { type: Boolean },
    unreachable: { state: true },
  };

  render() {
    const { stop, open, verb } = this;
    const ended = hasEnded(stop);
    return html`<article class="stop ${open ? "is-open" : ""} ${stop.pending ? "is-pending" : ""} ${ended ? "is-ended" : ""}"
      data-order=${stop.order}>
      ${this.#head()}
      ${open || verb === "picked-up" ? this.#bags() : nothing}
      ${open ? this.#facts() : nothing}
      ${ended ? this.#cancelled() : this.#next()}
    </article>`;
  }

  #head() {
    const { stop, open } = this;
    return html`<button type="button" class="stop-head" aria-expanded=${String(open)}
      @click=${() => this.emit("open-stop", stop.order)}>
      <span class="stop-number">#${stop.number}</span>
      ${this.#promise()}
      <span class="stop-leg">${stop.leg === null ? nothing : distance(stop.leg)}</span>
      <span class="stop-address">${stop.address || gettext("No address: ask at the counter")}</span>
    </button>`;
  }

  #promise() {
    const { stop, now, zone } = this;
    if (!stop.promised_at) return html`<span></span>`;
    const { words, late, near } = promise(stop.promised_at, now, zone);
    return html`<span class="stop-promise ${late ? "is-late" : ""} ${near ? "is-near" : ""}">
      ${icon(late ? "triangle-alert" : "clock")} ${words}
    </span>`;
  }

  #facts() {
    const { stop } = this;
    return html`
      ${stop.guest ? html`<p class="stop-guest">${icon("user")} ${stop.guest}</p>` : nothing}
      ${stop.note ? html`<p class="stop-note">${icon("message-square-warning")} <span>${stop.note}</span></p>` : nothing}
      ${this.#problem()}
      <div class="stop-tools">
        ${this.#map()} ${this.#call()} ${this.#trouble()} ${this.verb === "delivered" ? this.#camera() : this.#refuse()}
      </div>
      ${this.unreachable ? html`<p class="stop-hint" role="alert">${this.unreachable}</p>` : nothing}`;
  }

  #bags() {
    const { stop } = this;
    const channel = channelName(stop.channel);
    return html`<ul class="stop-bags">
      ${stop.bags.map((bag) => this.#bag(bag))}
      <li class="chip">${icon("cup-soda")} ${this.#cups()}</li>
      ${channel ? html`<li class="chip">${channel}</li>` : nothing}
    </ul>`;
  }

  #cups() {
    const count = this.stop.cups;
    return fill(ngettext("%(count)s cup", "%(count)s cups", count), { count });
  }

  #bag({ bag, bags, code, picked_up }) {
    const words = bags > 1 ? fill(gettext("Bag %(bag)s of %(bags)s"), { bag, bags }) : gettext("1 bag");
    return html`<li class="chip ${picked_up ? "chip-good" : ""}">
      ${icon(picked_up ? "check" : "package")} ${words}${code && !picked_up ? html` · <b>${code}</b>` : nothing}
    </li>`;
  }

  #problem() {
    const { problem, reported } = this.stop;
    if (reported)
      return html`<p class="stop-problem">${icon("send")} ${gettext("Your report is on its way.")}</p>`;
    return problem ? html`<p class="stop-problem">${icon("circle-alert")} ${problem}</p>` : nothing;
  }

  #map() {
    const link = mapLink(this.stop);
    return link
      ? html`<a class="button" href=${link}>${icon("map-pin")}<span>${gettext("Map")}</span></a>`
      : nothing;
  }

  #call() {
    const { stop, phone } = this;
    if (!stop.phone_mask) return nothing;
    if (phone)
      return html`<a class="button" href=${callLink(phone)}>${icon("phone")}<span>${gettext("Call")}</span></a>`;
    return button(gettext("Call"), () => this.#reveal(), { mark: "phone" });
  }

  async #reveal() {
    this.unreachable = "";
    const phone = await this.rider.phoneOf(this.stop);
    if (phone) location.href = callLink(phone);
    else
      this.unreachable =
        phone === null
          ? gettext("The number could not be fetched: no network. Try again in a moment.")
          : gettext("There is no number for this guest.");
  }

  #trouble() {
    return button(gettext("Problem"), () => this.emit("open-problem", this.stop), { mark: "circle-alert" });
  }

  /** Before the bag has left the store, somebody else can still bring it. */
  #refuse() {
    const { stop } = this;
    if (hasEnded(stop)) return nothing; // it has a button of its own
    const give = () => this.emit("take-step", { stop, verb: "given-back" });
    return button(gettext("Decline"), give, { mark: "ban" });
  }

  /** Where the bag was left, for whoever asks later. */
  #camera() {
    const { proven } = this.stop;
    return html`<label class="button">
      ${icon(proven ? "check" : "camera")}<span>${proven ? gettext("1 photo") : gettext("Photo")}</span>
      <input class="visually-hidden" type="file" name="proof" accept="image/*" capture="environment" @change=${this.#shot} />
    </label>`;
  }

  async #shot({ target }) {
    this.unreachable = "";
    const [file] = target.files;
    if (!file) return;
    try {
      await this.rider.prove(this.stop, await shrink(file));
    } catch {
      this.unreachable = gettext("This photo cannot be used. Take another, or go on without one.");
    }
    target.value = "";
  }

  #next() {
    const { stop, verb, zone } = this;
    const waits = verb === "picked-up" && stop.state !== "ready" && stop.state !== "collected";
    return html`
      ${verb === "picked-up" ? html`<p class="stop-shelf">${icon("inbox")} ${shelfWords(stop, zone)}</p>` : nothing}
      <button type="button" class="button button-primary stop-next" data-step=${verb} ?disabled=${waits}
        @click=${() => this.emit("take-step", { stop, verb })}>
        ${icon(verb === "delivered" ? "check" : "shopping-bag")}
        <span>${stepLabel(verb)}<span class="visually-hidden"> #${stop.number}</span></span>
      </button>`;
  }

  #cancelled() {
    const { stop, verb } = this;
    const words =
      verb === "delivered"
        ? gettext("Cancelled: bring it back to the store")
        : gettext("Cancelled: do not take it");
    return html`<p class="stop-problem">${icon("circle-x")} ${words}</p>
      <button type="button" class="button stop-next" @click=${() => this.emit("take-step", { stop, verb: "given-back" })}>
        ${icon("check")} <span>${gettext("Done, off my list")}</span>
      </button>`;
  }
}

customElements.define("rider-stop", RiderStop);
