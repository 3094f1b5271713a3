/** Work that can be interrupted: at each `yield` others may be let go first. */
export type Work<T> = Generator<undefined, T, undefined>;

/** How long a slice may take, in milliseconds; to it comes the layout of what was drawn. */
const SLICE_MS = 8;

/** Does all of it now. */
export function atOnce<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Does work in slices, each a task of its own: the page answers its reader in between. */
export class Slices {
  // A timer would wait 4 ms before each slice, and in a hidden tab a second.
  private readonly channel = new MessageChannel();

  /** `onSlice` is called after each slice, in the same task; `onEnd` once, also when the work has thrown. */
  constructor(private readonly work: Work<void>, private readonly onSlice: () => void, private readonly onEnd: () => void) {
    this.channel.port1.onmessage = () => this.advance(performance.now() + SLICE_MS);
    this.channel.port2.postMessage(null);
  }

  /** Does all that is left now. */
  flush(): void {
    this.advance(Infinity);
  }

  /** Leaves undone what is left. */
  stop(): void {
    // What is posted already may still come.
    this.channel.port1.onmessage = null;
    this.channel.port1.close();
  }

  private advance(until: number): void {
    let ended = true;
    try {
      do ended = this.work.next().done === true;
      while (!ended && performance.now() < until);
      this.onSlice();
    } catch (error) {
      ended = true;
      throw error;
    } finally {
      if (ended) {
        this.stop();
        this.onEnd();
      } else this.channel.port2.postMessage(null);
    }
  }
}
