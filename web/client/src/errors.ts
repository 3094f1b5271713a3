/** Nobody waits longer than this, in seconds: the clocks of two machines differ, and beyond 24 days timers end at once. */
const LONGEST_WAIT_S = 300;

/** A request that did not succeed; the message is the server's `detail`, which says what to do. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** HTTP status; 0: there was no answer, or one that is not this server's. */
    readonly status: number,
    /** The server's stable code (PROTOCOL.md, "Errors"); where there was no answer `unreachable`, `timeout` or `unexpected_answer`. */
    readonly code: string,
    message: string,
    /** Seconds to wait before asking again, where the server said so; 300 at most. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }

  /** Whether the same request may succeed later: no answer, too many requests, or a fault of the server. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** How long to wait before asking again, in milliseconds; 0 where the server did not say. */
  get waitMs(): number {
    return (this.retryAfter ?? 0) * 1000;
  }
}

/** What a thrown value is as an error of a request; a fault of this program is thrown on. */
export function apiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  throw error;
}

export function unreachable(): ApiError {
  return new ApiError(0, "unreachable", "The server can't be reached. Check the network, and that the server runs.");
}

export function tooSlow(seconds: number): ApiError {
  return new ApiError(0, "timeout", `The server has not answered within ${seconds} s. Try again.`);
}

export function unexpectedAnswer(what: string): ApiError {
  return new ApiError(0, "unexpected_answer", `${what} Check the address of the server, and what stands between here and there.`);
}

/** The error that an answer tells of: problem details, or a contract's own `{"error"}`. */
export async function refusal(response: Response): Promise<ApiError> {
  const body = fields(await response.json().catch(() => null));
  const told = [body.detail, body.error].find((text) => typeof text === "string");
  const message = told ?? `The server answered with status ${response.status}.`;
  const code = typeof body.code === "string" ? body.code : "";
  const seconds = secondsToWait(body.retry_after, response.headers.get("Retry-After"));
  return new ApiError(response.status, code, message, seconds === null ? null : Math.min(seconds, LONGEST_WAIT_S));
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function secondsToWait(told: unknown, header: string | null): number | null {
  if (typeof told === "number" && told >= 0) return told;
  if (header === null) return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const until = Date.parse(header);
  return Number.isNaN(until) ? null : Math.max(0, (until - Date.now()) / 1000);
}
