/** As many messages may wait at most; who has so many has lost the server long ago. */
export const OUTBOX_ENTRIES = 32;

/** What is to be sent, kept until the server has it: its key makes it one message however often it is sent. */
export interface OutboxEntry {
  key: string;
  kind: "message" | "regenerate";
  text: string;
  /** The reply that it follows; a local id while that is on its way itself. */
  parent: string | null;
  bot?: string;
  model?: string;
  /** Of `regenerate`: the turn whose message is to be answered once more. */
  turnId?: string;
  /** The ids of its message and of the awaited reply in the state, local ones but for the message of `regenerate`. */
  promptId: string;
  replyId: string;
  createdAt: number;
  /** The title of the session that has to be made first. */
  title?: string;
  /** Why the server refused it: it waits for the reader's decision. */
  fault?: { code: string; message: string; retry_after?: number };
}

export type OutboxStorage = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/**
 * The entries of one session. Several tabs share the storage, so each change is made to what is stored then.
 * Storage may be missing, full or switched off: what was sent is only lost by a reload then.
 */
export class Outbox {
  private readonly name: string;
  private gone = false;

  constructor(
    private readonly storage: OutboxStorage | undefined,
    sessionId: string,
  ) {
    this.name = `antiphon.outbox.${sessionId}`;
  }

  entries(): OutboxEntry[] {
    try {
      const stored: unknown = JSON.parse(this.storage?.getItem(this.name) ?? "[]");
      return Array.isArray(stored) ? stored.filter(isEntry).slice(0, OUTBOX_ENTRIES) : [];
    } catch {
      return [];
    }
  }

  /** Add an entry, or put it in the place of the one with its key. */
  put(entry: OutboxEntry): void {
    const entries = this.entries();
    const at = entries.findIndex((other) => other.key === entry.key);
    if (at < 0) entries.push(entry);
    else entries[at] = entry;
    this.keep(entries);
  }

  remove(key: string): void {
    this.keep(this.entries().filter((entry) => entry.key !== key));
  }

  /** The session is gone: forget what was to be sent in it, and keep no more. */
  drop(): void {
    this.gone = true;
    this.keep([]);
  }

  private keep(entries: OutboxEntry[]): void {
    try {
      if (entries.length && !this.gone) this.storage?.setItem(this.name, JSON.stringify(entries));
      else this.storage?.removeItem(this.name);
    } catch {
      return;
    }
  }
}

function isEntry(value: unknown): value is OutboxEntry {
  if (typeof value !== "object" || value === null) return false;
  const { key, kind, text, promptId, replyId, parent } = value as Record<string, unknown>;
  const named = [key, text, promptId, replyId].every((field) => typeof field === "string");
  return named && (kind === "message" || kind === "regenerate") && (parent === null || typeof parent === "string");
}
