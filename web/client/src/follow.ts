import type { Api } from "./api.js";
import { backOff } from "./back_off.js";
import type { Connection } from "./connection.js";
import { ApiError, apiError, unexpectedAnswer } from "./errors.js";
import type { ServerEvent } from "./events.js";
import type { ChunkEvent } from "./messages/reply.js";
import type { ReplyEvent } from "./types.js";

export interface FollowHooks {
  /** An event of the stream. `lost`: it does not fit what came before, and shall be asked for again. */
  take(event: ReplyEvent): "taken" | "lost";
  /** Whether what is read now may be what is being sent, and would be shown beside it. */
  undecided(): boolean;
  /** The place is lost: read the messages, and return where to follow from. Rejects with ApiError. */
  reload(): Promise<string>;
  /** Whether an error means that the session is gone; all others are tried again. */
  gone(error: ApiError): boolean;
}

/** The cursor is good no more, or none at all. */
const NO_PLACE = [400, 410];
/** A connection that held for so long has worked; one that did not counts as one more failure. */
const STEADY_MS = 1000;
/** From so many failures in a row on the messages are read at each try: replies end also where no stream can be had. */
const BLIND_AFTER = 3;

/** Follows all replies of a session through any number of connections. */
export class Follower {
  /** From `go` to `hold`. */
  private stay: AbortController | null = null;
  private attempt: AbortController | null = null;
  private since: number | null = null;
  private failures = 0;
  /** Connections in a row that went on with something else than what follows the cursor. */
  private gaps = 0;
  /** The chunk that stood behind the last gap, until it is taken: what comes before it, or of other turns, closes no gap. */
  private behindGap: ChunkEvent | null = null;
  private readonly unwatch: () => void;

  constructor(
    private readonly api: Api,
    private readonly connection: Connection,
    private readonly path: string,
    private cursor: string,
    private readonly hooks: FollowHooks,
  ) {
    // Connections of a network that was left may look open for long.
    this.unwatch = connection.watch((network) => network === "online" && this.attempt?.abort());
  }

  /** Follow, from where it was left. */
  go(): void {
    if (this.stay) return;
    this.stay = new AbortController();
    void this.follow(this.stay.signal);
  }

  /** Let go of the connection until `go`. */
  hold(): void {
    this.stay?.abort();
    this.stay = null;
    this.attempt?.abort();
    this.failures = 0;
    this.connection.well(this);
  }

  close(): void {
    this.unwatch();
    this.hold();
  }

  private async follow(stay: AbortSignal): Promise<void> {
    for (;;) {
      const end = await this.connect().catch(trouble);
      if (stay.aborted) return;
      const failures = ++this.failures;
      const blind = failures >= BLIND_AFTER && !this.hooks.undecided();
      const place = end === "lost" || blind ? await this.findPlace().catch(trouble) : null;
      if (over(stay)) return;
      const errors = [end, place].filter((one) => one instanceof ApiError);
      if (errors.some((error) => this.hooks.gone(error))) {
        this.hold();
        return;
      }
      const ms = Math.max(backOff(failures), ...errors.map((error) => error.waitMs));
      this.connection.failed(this, failures, Date.now() + ms);
      await this.connection.pause(ms, stay);
      if (over(stay)) return;
      this.connection.failed(this, failures, null);
    }
  }

  /** Take the events of one connection, to its end. `lost`: the place is, too. */
  private async connect(): Promise<"ended" | "lost"> {
    const attempt = new AbortController();
    this.attempt = attempt;
    this.since = null;
    let lost = false;
    const onEvent = (event: ServerEvent): void => {
      if (attempt.signal.aborted) return;
      // A stream opens once. Opened again its session was deleted: what comes next is of another one of this id.
      if (this.since !== null && event.event === "connected") {
        lost = true;
        attempt.abort();
        return;
      }
      if (this.since === null) this.connection.answered(this);
      this.since ??= performance.now();
      lost = this.event(event, attempt);
    };
    try {
      await this.api.events(this.path, { cursor: this.cursor, signal: attempt.signal, onEvent });
    } catch (thrown) {
      // What this side has ended is no failure.
      lost ||= !attempt.signal.aborted && expired(thrown);
    } finally {
      if (this.lasted > STEADY_MS) this.failures = 0;
    }
    return lost ? "lost" : "ended";
  }

  /** Take an event; tell whether the place is lost. */
  private event({ id, data }: ServerEvent, attempt: AbortController): boolean {
    const event = parsed(data);
    if (event.type === "resume") {
      attempt.abort();
      return false;
    }
    if (this.hooks.take(event) === "taken") {
      if (id !== null) this.cursor = id;
      if ("seq" in event) this.advance(event);
      return false;
    }
    attempt.abort();
    if ("seq" in event) this.behindGap = event;
    // The same cursor once more; what is missing again then will not come.
    return ++this.gaps > 1;
  }

  /** A chunk was taken: it goes on, unless there is a gap elsewhere. */
  private advance({ turn, seq, type }: ChunkEvent): void {
    const { behindGap: gap } = this;
    if (gap && (turn !== gap.turn || (seq < gap.seq && type !== "end"))) return;
    this.behindGap = null;
    this.failures = this.gaps = 0;
  }

  /** How long the connection has brought events, in milliseconds. */
  private get lasted(): number {
    return this.since === null ? 0 : performance.now() - this.since;
  }

  private async findPlace(): Promise<void> {
    this.cursor = await this.hooks.reload();
    this.gaps = 0;
  }
}

/** A fresh look: while something was waited for it may have changed. */
function over(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Whatever was thrown is one more failure: following that ends unseen would leave the reader with half a reply. */
function trouble(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  console.warn("antiphon: an event could not be taken.", thrown);
  return unexpectedAnswer("The server sent an event that could not be taken.");
}

/** Whether it is the server's word that the cursor is good no more; rejects with any other error. */
function expired(thrown: unknown): boolean {
  const error = apiError(thrown);
  if (!NO_PLACE.includes(error.status)) throw error;
  return true;
}

function parsed(data: string): ReplyEvent {
  try {
    return JSON.parse(data) as ReplyEvent;
  } catch {
    throw unexpectedAnswer("The server sent an event that is not JSON.");
  }
}
