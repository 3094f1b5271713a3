import { createStore, type StoreApi } from "zustand/vanilla";
import { Conversation, type Surroundings } from "./conversation.js";
import { Outbox } from "./outbox.js";
import { EMPTY } from "./session_draft.js";
import type { Waiting } from "./session_state.js";

/** So many sessions are brought to the server at a time: each needs a connection, and browsers have six for a server. */
export const AT_ONCE = 2;
/** After so many milliseconds what waits is looked for: first the page opens the session that its reader wants. */
const SOON_MS = 250;
/** What another tab has taken on is looked at again after so many milliseconds: that tab may be gone. */
const AGAIN_MS = 20_000;

/** What waits to be sent in all sessions. It is sent from any page: also what was said in a session that was left. */
export class Outboxes {
  readonly store: StoreApi<ReadonlyMap<string, Waiting>> = createStore<ReadonlyMap<string, Waiting>>(() => new Map());
  /** The session that is open: it sends its own. */
  private open: string | null = null;
  private readonly sending = new Map<string, AbortController>();
  private readonly ended = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly around: Omit<Surroundings, "store">) {
    around.shelf.changed = () => this.look();
    const unwatch = around.connection.store.subscribe((now, before) => {
      if (now.status === "connected" && before.status !== "connected") this.soon();
    });
    this.ended.signal.addEventListener("abort", unwatch);
    around.shelf.watch(() => this.lookAgain(), this.ended.signal);
    this.lookAgain();
  }

  /** A session is opened, and sends its own from now on; null: none is open. */
  opened(id: string | null): void {
    this.open = id;
    if (id !== null) this.sending.get(id)?.abort();
    this.soon();
  }

  /** Forget what waits in a session. */
  drop(id: string): void {
    this.sending.get(id)?.abort();
    this.around.shelf.keep(id, null);
  }

  close(): void {
    this.ended.abort();
    clearTimeout(this.timer);
    for (const stop of this.sending.values()) stop.abort();
  }

  private lookAgain(): void {
    this.look();
    this.soon();
  }

  /** See what waits by now. */
  private look(): void {
    const { shelf } = this.around;
    const waiting = new Map<string, Waiting>();
    for (const id of shelf.ids().sort()) {
      const entries = new Outbox(shelf, id).entries();
      if (!entries.length) continue;
      const count = entries.filter((entry) => !entry.fault).length;
      const title = entries.find((entry) => entry.title !== undefined)?.title ?? null;
      waiting.set(id, { count, refused: entries.length - count, title, since: Math.max(...entries.map((entry) => entry.createdAt)) });
    }
    if (JSON.stringify([...waiting]) !== JSON.stringify([...this.store.getState()])) this.store.setState(waiting, true);
  }

  private soon(ms = SOON_MS): void {
    clearTimeout(this.timer);
    if (!this.ended.signal.aborted) this.timer = setTimeout(() => this.send(), ms);
  }

  private send(): void {
    const left = [...this.store.getState()].filter(([id, { count }]) => count > 0 && id !== this.open && !this.sending.has(id));
    for (const [id] of left.slice(0, Math.max(0, AT_ONCE - this.sending.size))) this.begin(id);
    if (left.length) this.soon(AGAIN_MS);
  }

  private begin(id: string): void {
    const stop = new AbortController();
    this.sending.set(id, stop);
    const work = (): Promise<void> => this.bring(id, stop.signal);
    void alone(`antiphon.outbox ${this.around.api.base} ${id}`, work).then((done) => {
      this.sending.delete(id);
      this.soon(done ? SOON_MS : AGAIN_MS);
    });
  }

  /** Open a session that nobody looks at, until nothing waits in it. */
  private bring(id: string, stop: AbortSignal): Promise<void> {
    return new Promise((done) => {
      if (stop.aborted) {
        done();
        return;
      }
      const conversation = new Conversation(id, { ...this.around, store: createStore(() => EMPTY) });
      const end = (): void => {
        unwatch();
        stop.removeEventListener("abort", end);
        conversation.close();
        done();
      };
      const unwatch = this.store.subscribe((waiting) => {
        if (!waiting.get(id)?.count) end();
      });
      stop.addEventListener("abort", end);
      conversation.setVisible(false);
      conversation.open();
    });
  }
}

/** Do something unless another tab is doing it; tells whether it was done here. Without locks both do, which the keys of messages make one. */
async function alone(name: string, work: () => Promise<void>): Promise<boolean> {
  const { locks } = globalThis.navigator as { locks?: LockManager } | undefined ?? {};
  const begun = { here: false };
  const begin = async (): Promise<void> => {
    begun.here = true;
    await work();
  };
  try {
    if (locks) await locks.request(name, { ifAvailable: true }, (lock) => (lock ? begin() : undefined));
    else await begin();
  } catch {
    // Pages without a place of their own have locks that refuse.
    if (!begun.here) await begin();
  }
  return begun.here;
}
