import { createStore, type StoreApi } from "zustand/vanilla";
import type { ConnectionState } from "./session_state.js";

/** From so many failures in a row on it is called offline. */
const OFFLINE_AFTER = 3;
/** From so many failures in a row on the server was away; a single one may be of that request alone. */
const AWAY_AFTER = 2;

interface Trouble {
  failures: number;
  retryAt: number | null;
}

/**
 * How the server is reached, put together from all who talk to it. Who failed tells of it with itself as
 * `who`; the worst is shown.
 */
export class Connection {
  readonly store: StoreApi<ConnectionState> = createStore<ConnectionState>(() => ({ status: "connected", retryAt: null }));
  private readonly troubles = new Map<object, Trouble>();
  private readonly waiting = new Set<() => void>();
  private readonly watchers = new Set<(network: "online" | "offline") => void>();
  private readonly ended = new AbortController();

  constructor() {
    if (typeof window === "undefined") return;
    const listen = { signal: this.ended.signal };
    window.addEventListener("online", () => this.network("online"), listen);
    window.addEventListener("offline", () => this.network("offline"), listen);
  }

  /** Aborted by `close`. */
  get signal(): AbortSignal {
    return this.ended.signal;
  }

  /** So many failures in a row; `retryAt`: when it is tried again (milliseconds since 1970), null: now. */
  failed(who: object, failures: number, retryAt: number | null): void {
    this.troubles.set(who, { failures, retryAt });
    this.tell();
  }

  /** It works, or is wanted no more. */
  well(who: object): void {
    if (this.troubles.delete(who)) this.tell();
  }

  /**
   * The server has answered. If it had been away, whoever waits to try again need not wait. If it had not, they wait
   * on: a request that always fails would be sent without pause beside others that are answered.
   */
  answered(who: object): void {
    const wasAway = (this.troubles.get(who)?.failures ?? 0) >= AWAY_AFTER;
    this.well(who);
    if (wasAway) this.retryNow();
  }

  /** End all pauses: try again at once. */
  retryNow(): void {
    for (const wake of [...this.waiting]) wake();
  }

  /** Wait; less if the network comes back, at `retryNow`, and when the signal is aborted. Never rejects. */
  pause(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted || this.signal.aborted) return Promise.resolve();
    return new Promise((done) => {
      const wake = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", wake);
        this.waiting.delete(wake);
        done();
      };
      const timer = setTimeout(wake, ms);
      signal?.addEventListener("abort", wake);
      this.waiting.add(wake);
    });
  }

  /** Be told when the browser says that the network came or went. Returns what ends it. */
  watch(watcher: (network: "online" | "offline") => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  /** Let go of everything: pauses end, and who looks for the server stops. */
  close(): void {
    this.ended.abort();
    this.watchers.clear();
    this.retryNow();
  }

  private network(change: "online" | "offline"): void {
    if (change === "online") this.retryNow();
    for (const watcher of [...this.watchers]) watcher(change);
    this.tell();
  }

  private tell(): void {
    const worst = [...this.troubles.values()].reduce<Trouble | null>((one, other) => (one && one.failures >= other.failures ? one : other), null);
    const off = worst !== null && (worst.failures >= OFFLINE_AFTER || hasNoNetwork());
    const status = worst === null ? "connected" : off ? "offline" : "resuming";
    const retryAt = worst?.retryAt ?? null;
    const now = this.store.getState();
    if (now.status !== status || now.retryAt !== retryAt) this.store.setState({ status, retryAt });
  }
}

/** Whether the browser is sure of it; what is no browser does not say. */
function hasNoNetwork(): boolean {
  return typeof navigator !== "undefined" && (navigator as { onLine?: boolean }).onLine === false;
}
