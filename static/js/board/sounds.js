/**
 * Tones, made with WebAudio so that there is no file to load. A new order rings until somebody touches
 * the board; everything else sounds once. Browsers keep sound off until the page was touched: `blocked`.
 */

const REPEAT_MS = 4_000;
const GAP_S = 0.02;

/** Notes as [frequency in Hz, length in s]; each meaning has its own figure. */
const FIGURES = {
  order: [
    [784, 0.12],
    [1047, 0.12],
    [1319, 0.22],
  ],
  cancelled: [
    [523, 0.18],
    [392, 0.18],
    [262, 0.34],
  ],
  late: [
    [880, 0.1],
    [880, 0.1],
    [880, 0.1],
  ],
  left: [
    [587, 0.16],
    [494, 0.16],
    [587, 0.3],
  ],
  request: [
    [698, 0.14],
    [523, 0.14],
    [698, 0.14],
    [523, 0.26],
  ],
  rider: [
    [659, 0.16],
    [880, 0.24],
  ],
  alarm: [
    [440, 0.2],
    [622, 0.2],
    [440, 0.2],
    [622, 0.34],
  ],
};

export class Sounds {
  #context = null;
  #volume;
  #ringing = null;
  #changed;

  constructor({ volume, changed }) {
    this.#volume = volume;
    this.#changed = changed;
  }

  /** Whether the browser holds sound back although somebody wants to hear it. */
  get blocked() {
    return this.#volume > 0 && this.#context?.state !== "running";
  }

  get volume() {
    return this.#volume;
  }

  set volume(value) {
    this.#volume = value;
    this.#changed();
  }

  /** Must be called from a touch or a key: only then a browser lets sound start. */
  async unlock() {
    if (!this.blocked) return;
    this.#context ??= this.#open();
    await this.#context.resume();
    this.#changed();
  }

  #open() {
    const context = new AudioContext();
    context.onstatechange = () => this.#changed();
    return context;
  }

  /** Sound one figure: "order", "cancelled", "late", "left", "request", "rider" or "alarm". */
  play(name) {
    if (this.blocked || this.#volume === 0) return;
    let start = this.#context.currentTime;
    for (const [frequency, length] of FIGURES[name]) {
      this.#note(frequency, start, length);
      start += length + GAP_S;
    }
  }

  /** Ring for a new order now and again every few seconds until `hush`. */
  ring() {
    if (this.#ringing) return;
    this.play("order");
    this.#ringing = setInterval(() => this.play("order"), REPEAT_MS);
  }

  hush() {
    clearInterval(this.#ringing);
    this.#ringing = null;
  }

  #note(frequency, start, length) {
    const oscillator = this.#context.createOscillator();
    const gain = this.#context.createGain();
    oscillator.type = "triangle";
    oscillator.frequency.value = frequency;
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(this.#volume, start + 0.01);
    gain.gain.setTargetAtTime(0, start + length * 0.6, 0.04);
    oscillator.connect(gain).connect(this.#context.destination);
    oscillator.start(start);
    oscillator.stop(start + length + 0.3);
  }
}
