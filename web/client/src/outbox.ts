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

/** A `Storage`, or what does the same; `keys` names all it holds where they are not its own properties. */
export interface OutboxStorage extends Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  keys?(): string[];
}

const PREFIX = "outbox.";

/**
 * Where the outboxes of all sessions are. Storage may be missing, full or switched off: what it does not take is
 * kept here, and only lost by a reload then.
 */
export class OutboxShelf {
  /** Is called after each change made here. */
  changed: () => void = () => undefined;
  private readonly untaken = new Map<string, string>();

  constructor(private readonly storage: OutboxStorage | undefined) {}

  /** Be told when another tab may have changed it, until the signal is aborted. */
  watch(changed: () => void, signal: AbortSignal): void {
    if (typeof addEventListener === "function") addEventListener("storage", changed, { signal });
  }

  /** The ids of the sessions that have an outbox. */
  ids(): string[] {
    const names = quietly(() => this.storage && (this.storage.keys?.() ?? Object.keys(this.storage))) ?? [];
    const stored = names.filter((name) => name.startsWith(PREFIX)).map((name) => name.slice(PREFIX.length));
    return [...new Set([...stored, ...this.untaken.keys()])];
  }

  read(id: string): string | null {
    return this.untaken.get(id) ?? quietly(() => this.storage?.getItem(PREFIX + id)) ?? null;
  }

  /** Keep the text, or with null forget it. */
  keep(id: string, text: string | null): void {
    this.untaken.delete(id);
    quietly(() => (text === null ? this.storage?.removeItem(PREFIX + id) : this.storage?.setItem(PREFIX + id, text)));
    if (text !== null && this.read(id) !== text) this.untaken.set(id, text);
    this.changed();
  }
}

/** The entries of one session. Several tabs share the storage, so each change is made to what is stored then. */
export class Outbox {
  constructor(
    private readonly shelf: OutboxShelf,
    private readonly sessionId: string,
  ) {}

  entries(): OutboxEntry[] {
    try {
      const stored: unknown = JSON.parse(this.shelf.read(this.sessionId) ?? "[]");
      return Array.isArray(stored) ? stored.filter(isEntry).slice(0, OUTBOX_ENTRIES) : [];
    } catch {
      return [];
    }
  }

  /** Why the entry with this key was refused, in whichever tab; undefined: it was not. */
  faultOf(key: string): OutboxEntry["fault"] {
    return this.entries().find((entry) => entry.key === key)?.fault;
  }

  /** Add an entry, or put it in the place of the one with its key. */
  put(entry: OutboxEntry): void {
    const entries = this.entries();
    const at = entries.findIndex((other) => other.key === entry.key);
    if (at < 0) entries.push(entry);
    else entries[at] = entry;
    this.keep(entries);
  }

  /** Put an entry in the place of the one with its key, unless that was taken out elsewhere. */
  change(entry: OutboxEntry): void {
    if (this.entries().some(({ key }) => key === entry.key)) this.put(entry);
  }

  remove(key: string): void {
    this.keep(this.entries().filter((entry) => entry.key !== key));
  }

  private keep(entries: OutboxEntry[]): void {
    this.shelf.keep(this.sessionId, entries.length ? JSON.stringify(entries) : null);
  }
}

/** What the storage says, if it says anything. */
function quietly<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is OutboxEntry {
  if (typeof value !== "object" || value === null) return false;
  const { key, kind, text, promptId, replyId, parent } = value as Record<string, unknown>;
  const named = [key, text, promptId, replyId].every((field) => typeof field === "string");
  return named && (kind === "message" || kind === "regenerate") && (parent === null || typeof parent === "string");
}
