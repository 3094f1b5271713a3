import type { ReplyFigures } from "../session_state.js";
import type { ReplyMetadata, Seam, Usage } from "../types.js";

/** What this reader saw of a reply; times in milliseconds, null where it was not seen here. */
export interface Seen {
  firstTokenMs: number | null;
  totalMs: number | null;
  resumed: number;
}

export const UNSEEN: Seen = { firstTokenMs: null, totalMs: null, resumed: 0 };

/** The figures of a reply, of what was seen here and of what the server tells. */
export function figuresOf(seen: Seen, metadata: ReplyMetadata, usage: Usage | null, seams: readonly Seam[]): ReplyFigures {
  const firstTokenMs = seen.firstTokenMs ?? metadata.first_token_ms ?? null;
  const totalMs = seen.totalMs ?? metadata.total_ms ?? null;
  const tokens = usage?.completion_tokens ?? null;
  return {
    firstTokenMs,
    totalMs,
    tokens,
    tokensPerSecond: pace(tokens, firstTokenMs, totalMs),
    resumed: seen.resumed,
    takenOver: seams.length,
    restarted: seams.some((seam) => seam.how === "restarted"),
    cached: metadata.cached ?? false,
    model: metadata.model ?? null,
    pod: metadata.pod ?? null,
  };
}

/** Tokens a second after the first one: waiting for that is told by itself. */
function pace(tokens: number | null, firstTokenMs: number | null, totalMs: number | null): number | null {
  if (tokens === null || tokens < 2 || firstTokenMs === null || totalMs === null || totalMs <= firstTokenMs) return null;
  return ((tokens - 1) * 1000) / (totalMs - firstTokenMs);
}
