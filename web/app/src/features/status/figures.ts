import { ApiError, type Api, type Connection } from "@antiphon/client";
import { createStore, type StoreApi } from "zustand/vanilla";
import { withSample, type Sample } from "./history.js";
import { readStats } from "./stats.js";

/**
 * - `connecting`: nothing has come yet; `live`: figures come,
 * - `resuming`: they came and stopped, it is tried again,
 * - `refused`: the server does not tell them here; `missing`: it has no such figures.
 */
export type Phase = "connecting" | "live" | "resuming" | "refused" | "missing";

export interface FiguresState {
  readonly phase: Phase;
  /** The last five minutes, oldest first. */
  readonly history: readonly Sample[];
  readonly fault: ApiError | null;
}

/** Figures come every second; after this much silence the connection is taken for broken, in milliseconds. */
const SILENCE_MS = 5000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/** The live figures of a server, and their last five minutes for as long as the page lives. */
export class Figures {
  readonly store: StoreApi<FiguresState> = createStore<FiguresState>(() => ({ phase: "connecting", history: [], fault: null }));
  readonly #api: Api;
  readonly #connection: Connection;
  #stop: AbortController | null = null;

  constructor(api: Api, connection: Connection) {
    this.#api = api;
    this.#connection = connection;
  }

  /** Begins to read, and comes back whenever the connection breaks. Does nothing if it reads already. */
  start(): void {
    if (this.#stop) return;
    this.#stop = new AbortController();
    void this.#follow(this.#stop.signal);
  }

  /** Reads no more; the history stays. */
  stop(): void {
    this.#stop?.abort();
    this.#stop = null;
    this.#connection.well(this);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    let failures = 0;
    this.store.setState({ phase: "connecting", fault: null });
    for (;;) {
      const fault = await this.#read(signal, () => (failures = 0));
      if (signal.aborted || this.#connection.signal.aborted) return;
      if (fault && !fault.passing) {
        this.#connection.well(this);
        this.store.setState({ phase: fault.status === 404 ? "missing" : "refused", fault });
        return;
      }
      failures += 1;
      const wait = Math.max((fault?.retryAfter ?? 0) * 1000, Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1)));
      this.store.setState(({ history }) => ({ phase: history.length > 0 ? "resuming" : "connecting", fault }));
      this.#connection.failed(this, failures, Date.now() + wait);
      await this.#connection.pause(wait, signal);
    }
  }

  /** Reads one connection to its end. Returns what ended it, null if the server did. */
  async #read(signal: AbortSignal, heard: () => void): Promise<ApiError | null> {
    try {
      await this.#api.events("/stats/events", {
        signal,
        silenceMs: SILENCE_MS,
        onEvent: ({ event, data }) => {
          const stats = event === "stats" ? readStats(data) : null;
          if (!stats) return;
          heard();
          this.#connection.well(this);
          this.store.setState(({ history }) => ({ phase: "live", fault: null, history: withSample(history, { at: Date.now(), stats }) }));
        },
      });
      return null;
    } catch (error) {
      if (error instanceof ApiError) return error;
      if (signal.aborted) return null;
      throw error;
    }
  }
}

const perApi = new WeakMap<Api, Figures>();

/** The figures of that server: the same object each time, so that leaving the page does not lose the history. */
export function figuresOf(api: Api, connection: Connection): Figures {
  const known = perApi.get(api) ?? new Figures(api, connection);
  perApi.set(api, known);
  return known;
}
