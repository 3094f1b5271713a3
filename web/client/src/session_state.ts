import type { Fault, Feedback, ReplyMetadata, Seam, Usage } from "./types.js";

/**
 * Where a message is.
 * - `sending`: a user's message that the server has not confirmed yet,
 * - `unsent`: one that the server refused, or that could not be sent; see `fault`. Also the reply awaited for it
 *   where something was said after that,
 * - `waiting`: a reply of which nothing has come yet, `streaming`: one of which something has,
 * - `complete`, `stopped`, `failed`: as stored.
 */
export type MessageStatus = "sending" | "unsent" | "waiting" | "streaming" | "complete" | "stopped" | "failed";

/** How a reply came. Times are in milliseconds, as the reader saw them where it was here, else as the server did. */
export interface ReplyFigures {
  firstTokenMs: number | null;
  totalMs: number | null;
  tokens: number | null;
  tokensPerSecond: number | null;
  /** How often this reader came back to it. */
  resumed: number;
  /** How often another pod went on with it. */
  takenOver: number;
  /** Whether it was begun again after a takeover. */
  restarted: boolean;
  cached: boolean;
  model: string | null;
  pod: string | null;
}

/** A message as shown. Immutable: a change makes another. */
export interface ChatMessage {
  /** The server's id; until it is known one that begins with `local-`. */
  readonly id: string;
  /** Stays the same for as long as the session is open, also when the server's id becomes known. */
  readonly key: string;
  readonly role: "user" | "assistant";
  readonly sender: string;
  readonly status: MessageStatus;
  readonly content: string;
  readonly reasoning: string;
  readonly parentId: string | null;
  readonly turnId: string | null;
  /** In milliseconds since 1970. */
  readonly createdAt: number;
  readonly usage: Usage | null;
  readonly metadata: ReplyMetadata;
  readonly seams: readonly Seam[];
  readonly feedback: Feedback | null;
  readonly fault: Fault | null;
  /** Of a reply, from its first chunk on. */
  readonly figures: ReplyFigures | null;
}

export interface SessionState {
  /** Null for a conversation that nothing was sent to yet. */
  readonly id: string | null;
  readonly title: string;
  /** `missing`: there is no such session (any more). `unreachable`: it could not be loaded; it is tried again. */
  readonly phase: "new" | "loading" | "ready" | "missing" | "unreachable";
  /** Whether what is shown came from the reader's own store because the server cannot be reached. */
  readonly stale: boolean;
  /** All messages known, by id. */
  readonly messages: ReadonlyMap<string, ChatMessage>;
  /** The ids on the branch shown, oldest first. */
  readonly path: readonly string[];
  /** Whether there are older messages than those known. */
  readonly hasOlder: boolean;
  readonly loadingOlder: boolean;
  /** The reply under way on the branch shown. */
  readonly running: string | null;
  /** Whether that was asked to stop, and the server has not ended it yet. */
  readonly stopping: boolean;
}

/** What waits to be sent in a session, open or not. */
export interface Waiting {
  /** Messages that are sent by themselves once the server can be reached. */
  readonly count: number;
  /** Messages that were refused and wait for the reader's decision. */
  readonly refused: number;
  /** Of a session that exists only here; null: the server has it. */
  readonly title: string | null;
  /** When the newest was said, in milliseconds since 1970. */
  readonly since: number;
}

/** The versions of a message: those that have the same parent, oldest first; `at` is this one's place. */
export interface Versions {
  readonly ids: readonly string[];
  readonly at: number;
}

export interface ConnectionState {
  readonly status: "connected" | "resuming" | "offline";
  /** When it will be tried again, in milliseconds since 1970; null while it is being tried. */
  readonly retryAt: number | null;
}
