/** Which part of the time drawing may take: the rest is for scrolling, typing and the network. */
const SHARE = 0.25;
/** However long drawing takes, text is never older than this on the screen, in milliseconds. */
const OLDEST_MS = 400;

/** Draws at most once a frame, and less often what takes long to draw. */
export class Pace {
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #next = 0;

  constructor(private readonly draw: () => void) {}

  /** Something has changed: draw it when its time has come. */
  want(): void {
    if (this.#frame !== 0 || this.#timer !== undefined) return;
    const wait = this.#next - performance.now();
    if (wait > 16) this.#timer = setTimeout(() => this.#request(), wait);
    else this.#request();
  }

  /** Draw it now. */
  now(): void {
    this.cancel();
    const begun = performance.now();
    this.draw();
    const took = performance.now() - begun;
    this.#next = begun + Math.min(OLDEST_MS, took / SHARE);
  }

  cancel(): void {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#frame = 0;
    this.#timer = undefined;
  }

  #request(): void {
    this.#timer = undefined;
    this.#frame = requestAnimationFrame(() => this.now());
  }
}
