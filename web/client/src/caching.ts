import { isSettled, toStored } from "./messages/message.js";
import type { SessionDraft } from "./session_draft.js";
import type { Session, StoredMessage } from "./types.js";

/** Where a reader keeps sessions to show them while the server cannot be reached. It may fail: nothing depends on it. */
export interface SessionCache {
  load(id: string): Promise<{ session: Session; messages: StoredMessage[] } | null>;
  save(session: Session, messages: StoredMessage[]): Promise<void>;
  remove(id: string): Promise<void>;
}

/** As many messages of a session are kept, the newest. */
export const CACHED_MESSAGES = 500;
const REST_MS = 1000;
/** A store that has not answered by then is done without: it must not keep the reader from the server. */
const PATIENCE_MS = 2000;

/** Saves a session some time after it has changed. */
export class Saver {
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly cache: SessionCache | undefined,
    private readonly draft: SessionDraft,
    private readonly session: () => Session | null,
  ) {}

  later(): void {
    if (!this.cache || this.timer !== undefined) return;
    this.timer = setTimeout(() => this.now(), REST_MS);
  }

  /** Save what waits to be saved. */
  now(): void {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    const session = this.session();
    if (session) void this.cache?.save(session, this.newest()).catch(() => undefined);
  }

  async load(): Promise<Awaited<ReturnType<SessionCache["load"]>>> {
    if (!this.cache) return null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooSlow = new Promise<null>((done) => (timer = setTimeout(() => done(null), PATIENCE_MS)));
    const kept = await Promise.race([this.cache.load(this.draft.id).catch(() => null), tooSlow]);
    clearTimeout(timer);
    return kept;
  }

  remove(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    void this.cache?.remove(this.draft.id).catch(() => undefined);
  }

  private newest(): StoredMessage[] {
    const { id, tree } = this.draft;
    const stored: StoredMessage[] = [];
    for (const message of tree.messages.values()) {
      const ordinal = tree.orderOf(message.id);
      if (ordinal !== null && isSettled(message)) stored.push(toStored(message, id, ordinal));
    }
    return stored.sort((one, other) => one.ordinal - other.ordinal).slice(-CACHED_MESSAGES);
  }
}
