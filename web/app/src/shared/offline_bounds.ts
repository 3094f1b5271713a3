import type { Session, StoredMessage } from "@antiphon/client";

/** How much is kept for reading without a network, all servers together. */
export const BOUNDS = {
  /** Sessions of which the messages are kept. */
  sessions: 50,
  /** Bytes of one session, in UTF-8. */
  sessionBytes: 2 * 1024 * 1024,
  /** Bytes of all sessions. */
  allBytes: 50 * 1024 * 1024,
} as const;

/** What is known of a kept session without reading it. */
export interface Kept {
  readonly key: string;
  readonly bytes: number;
  /** When it was kept last, in milliseconds since 1970. */
  readonly at: number;
}

/** Divides what is kept into what stays, newest first, and the keys of what goes. */
export function evict<T extends Kept>(kept: readonly T[], bounds: { readonly sessions: number; readonly allBytes: number } = BOUNDS): { stay: T[]; go: string[] } {
  const stay: T[] = [];
  const go: string[] = [];
  let bytes = 0;
  for (const each of [...kept].sort((one, other) => other.at - one.at)) {
    bytes += each.bytes;
    // Once one does not fit, none that is older stays: what is kept has no holes that nobody could explain.
    if (go.length === 0 && stay.length < bounds.sessions && bytes <= bounds.allBytes) stay.push(each);
    else go.push(each.key);
  }
  return { stay, go };
}

/** A session as it is kept, and its size. */
export interface Encoded {
  readonly text: string;
  readonly bytes: number;
}

const utf8 = new TextEncoder();

/**
 * Encodes a session with as many of its newest messages as fit into `bytes`.
 * Null if not even the newest does: then there is nothing that would help a reader.
 */
export function encode(session: Session, messages: readonly StoredMessage[], bytes: number = BOUNDS.sessionBytes): Encoded | null {
  const [head, tail] = [`{"session":${JSON.stringify(session)},"messages":[`, "]}"];
  let size = utf8.encode(head).length + tail.length;
  const parts: string[] = [];
  for (const message of messages.toReversed()) {
    const part = JSON.stringify(message);
    size += utf8.encode(part).length + 1;
    if (size > bytes) break;
    parts.push(part);
  }
  if (parts.length === 0 && messages.length > 0) return null;
  const text = head + parts.reverse().join(",") + tail;
  return { text, bytes: utf8.encode(text).length };
}
