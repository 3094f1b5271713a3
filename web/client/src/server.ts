import { apiError } from "./errors.js";
import { Http } from "./http.js";

const PATIENCE_MS = 8000;

/**
 * Whether the server at this address speaks the native API; others are taken for message boards (contract A).
 * Rejects with ApiError if there is no answer: it may be either then.
 */
export async function isAntiphon(base: string, options: { fetch?: typeof fetch } = {}): Promise<boolean> {
  const http = new Http({ base, timeoutMs: PATIENCE_MS, ...options });
  try {
    const health = await http.json<{ service?: unknown } | null>("GET", "/health");
    return health?.service === "antiphon";
  } catch (error) {
    const { status, code } = apiError(error);
    if (status === 0 && code !== "unexpected_answer") throw error;
    return false;
  }
}
