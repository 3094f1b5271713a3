import { type Api, ApiError } from "@antiphon/client";
import { createStore } from "zustand/vanilla";
import { apiOf } from "../../shared/api.js";
import { forgetDrafts } from "../../shared/drafts.js";
import { offlineSessions } from "../../shared/offline.js";
import { readJson, stored } from "../../shared/storage.js";

/** How long a deletion can be taken back, in milliseconds. */
export const UNDO_MS = 8000;

export interface Deletion {
  readonly id: string;
  /** Base URL of the session's server. */
  readonly base: string;
  /** When it is carried out, in milliseconds since 1970. */
  readonly due: number;
}

export interface Outcome {
  /** The server refused: the session is still there. */
  onRefused: (error: ApiError) => void;
  onDone: (base: string, id: string) => void;
}

/** So long at most a deletion waits for the reader who holds its message, in milliseconds. */
export const LONGEST_HOLD = 3_600_000;

const KEY = "deletions";
const RETRY_MS = 15_000;

function isDeletion(value: unknown): value is Deletion {
  if (typeof value !== "object" || value === null) return false;
  const { id, base, due } = value as Record<string, unknown>;
  return typeof id === "string" && typeof base === "string" && typeof due === "number";
}

const keyOf = ({ id, base }: Deletion): string => `${base} ${id}`;

function kept(): Deletion[] {
  const all = readJson(KEY, []);
  return Array.isArray(all) ? all.filter(isDeletion) : [];
}

/**
 * Sessions that the reader deleted and may still want back. They are kept in the browser, so that a reload, a closed
 * tab or a server that is away for a while does not bring them back; every tab carries out what is due. Deleting
 * twice does no harm, and what one tab took back is gone from the list of all.
 */
export class Deletions {
  readonly store = createStore<readonly Deletion[]>(kept);
  private timer = 0;
  /** Those that a request is under way for, as `keyOf` names them. */
  private readonly asked = new Set<string>();

  private outcome: Outcome | null = null;

  constructor(private readonly of: (base: string) => Api = apiOf) {}

  /** Begin to carry out what is due, and to follow the other tabs. Returns how to end that. */
  start(outcome: Outcome): () => void {
    this.outcome = outcome;
    const stop = new AbortController();
    const { signal } = stop;
    const elsewhere = ({ key }: StorageEvent): void => {
      if (key === null || key.endsWith(KEY)) this.set(kept(), false);
    };
    addEventListener("storage", elsewhere, { signal });
    addEventListener("pagehide", () => void this.carryOut(true), { signal });
    addEventListener("online", () => void this.carryOut(), { signal });
    this.set(kept(), false);
    return () => {
      stop.abort();
      clearTimeout(this.timer);
    };
  }

  schedule(id: string, base: string, now = Date.now()): void {
    this.set([...this.without(id, base), { id, base, due: now + UNDO_MS }]);
  }

  undo(id: string, base: string): void {
    this.set(this.without(id, base));
  }

  /** Whether it is still to be carried out, and was not asked for yet. */
  canUndo(id: string, base: string): boolean {
    return this.store.getState().some((one) => one.id === id && one.base === base && !this.asked.has(keyOf(one)));
  }

  /** Carry it out in so many milliseconds from now, if it is still to be: its message is held, or goes. */
  delay(id: string, base: string, ms: number): void {
    if (this.canUndo(id, base)) this.set([...this.without(id, base), { id, base, due: Date.now() + Math.min(ms, LONGEST_HOLD) }]);
  }

  private without(id: string, base: string): Deletion[] {
    return this.store.getState().filter((one) => one.id !== id || one.base !== base);
  }

  private set(pending: readonly Deletion[], keep = true): void {
    this.store.setState(pending, true);
    if (keep) stored.setItem(KEY, JSON.stringify(pending));
    clearTimeout(this.timer);
    const waiting = pending.filter((one) => !this.asked.has(keyOf(one)));
    if (waiting.length === 0) return;
    const next = Math.min(...waiting.map(({ due }) => due));
    this.timer = window.setTimeout(() => void this.carryOut(), Math.max(0, next - Date.now()));
  }

  /** `leaving`: the page is about to go, the requests must outlive it. */
  private async carryOut(leaving = false): Promise<void> {
    const due = this.store.getState().filter((one) => one.due <= Date.now() && !this.asked.has(keyOf(one)));
    for (const one of due) this.asked.add(keyOf(one));
    await Promise.all(due.map((one) => this.one(one, leaving)));
  }

  private async one(deletion: Deletion, keepalive: boolean): Promise<void> {
    const { id, base } = deletion;
    try {
      await this.of(base)
        .deleteSession(id, { keepalive })
        .finally(() => this.asked.delete(keyOf(deletion)));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.passing) {
        this.later(deletion);
        return;
      }
      if (error.status !== 404) {
        this.undo(id, base);
        this.outcome?.onRefused(error);
        return;
      }
    }
    this.undo(id, base);
    forgetDrafts(base, id);
    await offlineSessions(base).remove(id);
    this.outcome?.onDone(base, id);
  }

  private later({ id, base }: Deletion): void {
    this.set([...this.without(id, base), { id, base, due: Date.now() + RETRY_MS }]);
  }
}
