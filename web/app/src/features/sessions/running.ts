import type { Api, Chat, Session } from "@antiphon/client";
import { createStore } from "zustand/vanilla";

/** How often sessions that are not open are asked whether their reply still runs, in milliseconds. */
const ASK_MS = 5000;
/** A session used longer ago than this is not asked, in milliseconds. */
const FRESH_MS = 5 * 60_000;
/** So many sessions at most are asked at a time. */
const MOST = 5;

/** Which sessions have a reply under way: the open one tells by itself, those used lately are asked. */
export class Running {
  readonly store = createStore<ReadonlySet<string>>(() => new Set());

  constructor(
    private readonly api: Api,
    private readonly chat: Chat,
    private readonly sessions: () => readonly Session[],
  ) {}

  /** Returns how to stop watching. */
  start(): () => void {
    const follow = (): void => {
      const { id, running } = this.chat.store.getState();
      if (id !== null) this.mark(id, running !== null);
    };
    follow();
    const unfollow = this.chat.store.subscribe(follow);
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void this.ask([...this.store.getState()]);
    }, ASK_MS);
    return () => {
      unfollow();
      clearInterval(timer);
    };
  }

  /** Look at the sessions that other tabs and devices may have used. */
  async look(now = Date.now()): Promise<void> {
    const fresh = this.sessions().filter((session) => now - Date.parse(session.updated_at) < FRESH_MS);
    await this.ask(fresh.map(({ id }) => id));
  }

  private async ask(ids: readonly string[]): Promise<void> {
    const open = this.chat.store.getState().id;
    await Promise.all(
      ids
        .filter((id) => id !== open)
        .slice(0, MOST)
        .map((id) =>
          this.api.session(id).then(
            ({ running }) => this.mark(id, running.some(({ state }) => state === "queued" || state === "running")),
            () => this.mark(id, false),
          ),
        ),
    );
  }

  private mark(id: string, runs: boolean): void {
    if (this.store.getState().has(id) === runs) return;
    const marked = new Set(this.store.getState());
    if (runs) marked.add(id);
    else marked.delete(id);
    this.store.setState(marked, true);
  }
}
