/** The intake switch: state, who set it and why, until when, and what each platform made of it. */

import { html, nothing } from "../../../vendor/lit-3.3.3.js";
import { clock, fill, span } from "../format.js";
import { leaks } from "../state.js";
import { actorLabel, channelState, platformLabel, reasonLabel } from "../words.js";
import { button, icon, Piece } from "./piece.js";

const LARGE = "button-primary intake-button";
const CHANNEL_ICON = { waiting: "clock", told: "send", confirmed: "circle-check", failed: "triangle-alert" };

class IntakeSwitch extends Piece {
  static properties = { intake: { attribute: false }, now: { attribute: false }, zone: {} };

  render() {
    return this.intake.level === "open" ? this.#open() : this.#paused();
  }

  #open() {
    return html`
      <div class="intake intake-open">
        <div class="intake-words">
          <strong class="intake-title">${icon("circle-play")} ${gettext("Taking orders")}</strong>
          ${this.#channels()}
        </div>
        ${button(gettext("Pause"), () => this.emit("open-pause"), { look: LARGE, mark: "circle-pause" })}
      </div>`;
  }

  #paused() {
    const { reason, actor, changed_at } = this.intake;
    const why = reasonLabel(reason) || gettext("No reason given");
    const set = fill(gettext("%(actor)s at %(at)s"), {
      actor: actorLabel(actor),
      at: clock(changed_at, this.zone),
    });
    return html`
      <div class="intake intake-paused">
        <strong class="intake-title">${icon("circle-pause")} ${gettext("Paused")}</strong>
        <div class="intake-words">
          <p><b>${why}</b> · ${set} · <b>${this.#until()}</b></p>
          <div class="row">${this.#leaks()} ${this.#channels()}</div>
        </div>
        <span class="intake-actions">
          ${button(gettext("Change"), () => this.emit("open-pause"))}
          ${button(gettext("Resume"), () => this.emit("resume-intake"), { look: LARGE, mark: "circle-play" })}
        </span>
      </div>`;
  }

  #until() {
    const { resumes_at } = this.intake;
    if (!resumes_at) return gettext("until somebody resumes");
    const left = Math.max(0, Math.ceil((Date.parse(resumes_at) - this.now) / 1000));
    return fill(gettext("resumes at %(at)s, in %(left)s"), {
      at: clock(resumes_at, this.zone),
      left: span(left),
    });
  }

  #leaks() {
    const count = leaks(this.intake);
    if (!count) return nothing;
    const words = ngettext("%(count)s order leaked in", "%(count)s orders leaked in", count);
    return html`<span class="intake-leaks">${icon("triangle-alert")} ${fill(words, { count })}</span>`;
  }

  #channels() {
    return html`<ul class="channels" aria-label=${gettext("Platforms")}>
      ${this.intake.channels.map((channel) => this.#channel(channel))}
    </ul>`;
  }

  #channel(channel) {
    const { state, leaked, error } = channel;
    const leak = leaked
      ? fill(ngettext("%(count)s leaked", "%(count)s leaked", leaked), { count: leaked })
      : "";
    return html`<li class="channel is-${state}" title=${error}>
      ${icon(CHANNEL_ICON[state])}
      <span>${platformLabel(channel)}: ${channelState(state)} ${leak ? html`· <b>${leak}</b>` : nothing}</span>
    </li>`;
  }
}

customElements.define("intake-switch", IntakeSwitch);
