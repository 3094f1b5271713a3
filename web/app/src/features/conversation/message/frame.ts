/** Runs at most once a frame, however often it is wanted. */
export class EachFrame {
  #frame = 0;

  constructor(private readonly run: () => void) {}

  /** Run it before the next paint. */
  want(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.now());
  }

  /** Run it at once, and not again for what was wanted until now. */
  now(): void {
    this.cancel();
    this.run();
  }

  cancel(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }
}
