import { backOff } from "./back_off.js";
import type { Connection } from "./connection.js";

/**
 * Looks for a server that could not be reached until it answers. Without it a single request that failed would
 * leave the page "resuming" until the next one, which may never come.
 */
export class Probe {
  private looking: AbortController | null = null;

  constructor(
    private readonly connection: Connection,
    private readonly ask: () => Promise<unknown>,
  ) {
    connection.watch((network) => network === "offline" && this.failed());
  }

  /** A request got no answer. */
  failed(): void {
    if (this.looking || this.connection.signal.aborted) return;
    this.looking = new AbortController();
    void this.look(this.looking.signal);
  }

  /** A request got one. */
  answered(): void {
    this.looking?.abort();
    this.looking = null;
    this.connection.answered(this);
  }

  private async look(signal: AbortSignal): Promise<void> {
    const over = (): boolean => signal.aborted || this.connection.signal.aborted;
    for (let failures = 1; !over(); failures++) {
      const wait = backOff(failures);
      this.connection.failed(this, failures, Date.now() + wait);
      await this.connection.pause(wait, signal);
      if (over()) return;
      this.connection.failed(this, failures, null);
      // That it was answered is heard as of any other request.
      await this.ask().catch(() => undefined);
    }
  }
}
