/** The wave strip: the last hour by the minute, what the counter can keep up with, and when it is through. */

import { html, svg } from "../../../vendor/lit-3.3.3.js";
import { clock, fill, tenths } from "../format.js";
import { cupsToMake, minutesToClear, ordersPerMinute, waveBars } from "../state.js";
import { icon, Piece } from "./piece.js";

const BAR = 10;
const GAP = 2;
const HEIGHT = 60;
const MINUTES = 60;
const WIDTH = BAR * MINUTES;

class WaveStrip extends Piece {
  static properties = {
    wave: { attribute: false },
    cards: { attribute: false },
    cupsPerHour: { attribute: false },
    /** Milliseconds of the current minute: a new value moves the strip on. */
    minute: { attribute: false },
    zone: {},
  };

  render() {
    const minutes = minutesToClear(this.cards, this.cupsPerHour);
    const pace = ordersPerMinute(this.cards, this.cupsPerHour);
    return html`
      <figure class="wave">
        ${legend(pace)} ${this.#chart(waveBars(this.wave, this.minute, MINUTES), pace)}
      </figure>
      <div class="clear-in">
        <b class="clear-number">${minutes}</b>
        <span class="clear-label">
          <span>${untilMade(minutes)}</span>
          <span class="muted">${this.#cups()}</span>
        </span>
      </div>`;
  }

  #cups() {
    const cups = cupsToMake(this.cards);
    return fill(ngettext("%(cups)s cup, %(pace)s an hour", "%(cups)s cups, %(pace)s an hour", cups), {
      cups,
      pace: this.cupsPerHour,
    });
  }

  #chart(bars, capacity) {
    const top = Math.max(capacity * 1.25, ...bars.map((bar) => bar.total), 1);
    const y = (value) => HEIGHT - (value / top) * HEIGHT;
    const total = bars.reduce((sum, bar) => sum + bar.total, 0);
    const label = fill(
      ngettext(
        "%(total)s order in the last hour; the counter keeps up with %(pace)s a minute",
        "%(total)s orders in the last hour; the counter keeps up with %(pace)s a minute",
        total,
      ),
      { total, pace: tenths(capacity) },
    );
    return html`
      <svg class="wave-chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img"
        aria-label=${label}>
        ${bars.map((bar, index) => column(bar, index * BAR, y))}
        <line class="wave-capacity" x1="0" x2=${WIDTH} y1=${y(capacity)} y2=${y(capacity)}></line>
      </svg>
      <div class="wave-axis" aria-hidden="true">
        ${[0, 15, 30, 45].map((index) => html`<span>${clock(bars[index].minute * 1000, this.zone)}</span>`)}
      </div>`;
  }
}

function untilMade(minutes) {
  return ngettext(
    "minute until the last waiting cup is made",
    "minutes until the last waiting cup is made",
    minutes,
  );
}

function legend(pace) {
  const words = gettext("what the counter can make: %(pace)s orders a minute");
  return html`<figcaption class="wave-key">
    <span class="key key-paid">${gettext("Paid")}</span>
    <span class="key key-subsidised">${gettext("Subsidised")}</span>
    <span class="key key-free">${icon("gift")}${gettext("Free")}</span>
    <span class="key key-pace">${fill(words, { pace: tenths(pace) })}</span>
  </figcaption>`;
}

function column({ paid, subsidised, free }, x, y) {
  return [
    piece("paid", x, y(paid), y(0)),
    piece("subsidised", x, y(paid + subsidised), y(paid)),
    piece("free", x, y(paid + subsidised + free), y(paid + subsidised)),
  ];
}

function piece(kind, x, top, bottom) {
  return svg`<rect class="wave-${kind}" x=${x + GAP / 2} y=${top} width=${BAR - GAP}
    height=${bottom - top}></rect>`;
}

customElements.define("wave-strip", WaveStrip);
