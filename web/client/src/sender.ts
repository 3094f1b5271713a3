import type { Api } from "./api.js";
import { backOff } from "./back_off.js";
import type { Connection } from "./connection.js";
import { type ApiError, apiError } from "./errors.js";
import type { Outbox, OutboxEntry } from "./outbox.js";
import type { Session, Turn } from "./types.js";

export interface SenderHooks {
  /** Whether what an entry follows is there, and whole: the model would not see it else. */
  ready(entry: OutboxEntry): boolean;
  /** The session was made, and nothing was sent in it yet. */
  created(session: Session): void;
  accepted(entry: OutboxEntry, turn: Turn): void;
  refused(entry: OutboxEntry, error: ApiError): void;
  /** Whether an entry that was answered with this error shall not be tried again. */
  recalled(entry: OutboxEntry, error: ApiError): boolean;
  /** The server has surely not taken what was sent, and is asked again after a while. */
  putOff(): void;
}

/** The server fails at one entry so many times before its reader is asked: for ever it would hold up all others. */
export const FAULTS = 8;
/** What proxies answer without asking a server, while servers come and go. */
const OF_PROXIES = [404, 408, 425];

/** Sends the outbox of one session in order, each entry until it is answered. */
export class Sender {
  private queue: OutboxEntry[] = [];
  private sending = false;
  /** Whether the server may have taken what is being sent. */
  private unsure = false;
  private created = false;
  /** What the entry being sent was answered while it waits to be sent again, and what ends that wait. */
  private resting: { error: ApiError; wake: AbortController } | null = null;
  private readonly ended = new AbortController();

  constructor(
    private readonly api: Api,
    private readonly connection: Connection,
    private readonly sessionId: string,
    private readonly outbox: Outbox,
    private readonly hooks: SenderHooks,
  ) {}

  /** How many entries the server has not answered. */
  get waiting(): number {
    return this.queue.length;
  }

  /** Whether the server may have an entry already, and tell of its turn before it answers. */
  get undecided(): boolean {
    return this.unsure;
  }

  has(key: string): boolean {
    return this.queue.some((entry) => entry.key === key);
  }

  add(entry: OutboxEntry): void {
    this.outbox.put(entry);
    this.queue.push(entry);
    this.next();
  }

  /** Have all that followed a local id follow the server's. */
  renamed(from: string, to: string): void {
    for (const entry of this.queue) {
      if (entry.parent !== from) continue;
      entry.parent = to;
      this.outbox.change(entry);
    }
  }

  /** Take entries that have not been begun out of the queue. */
  withdraw(which: (entry: OutboxEntry) => boolean): OutboxEntry[] {
    const begun = this.sending ? 1 : 0;
    const taken = this.queue.slice(begun).filter(which);
    this.queue = this.queue.filter((entry) => !taken.includes(entry));
    return taken;
  }

  /** Send what may be sent by now. */
  next(): void {
    if (!this.sending) void this.work();
  }

  /** End the wait of an entry that shall not be tried again: it is refused then. */
  recall(): void {
    const [entry] = this.queue;
    if (entry && this.resting && this.hooks.recalled(entry, this.resting.error)) this.resting.wake.abort();
  }

  /** What is being sent is sent once to its end; no more is begun, and nothing repeated. */
  close(): void {
    this.ended.abort();
    this.resting?.wake.abort();
    this.connection.well(this);
  }

  private get closed(): boolean {
    return this.ended.signal.aborted;
  }

  /** The session is there: if it is deleted, what is left here must not make it once more. */
  private made(): void {
    this.created = true;
    for (const entry of this.queue) {
      delete entry.title;
      this.outbox.change(entry);
    }
  }

  private async work(): Promise<void> {
    for (;;) {
      const entry = this.queue[0];
      if (!entry || this.closed || !this.hooks.ready(entry)) return;
      this.sending = true;
      const answer = await this.deliver(entry).catch((error: unknown) => apiError(error));
      this.sending = false;
      if (answer === null) return;
      this.queue.shift();
      if (answer instanceof Error) this.refused(entry, answer);
      else this.hooks.accepted(entry, answer);
    }
  }

  /** What was closed meanwhile has handed its outbox on: who has it now asks, and is refused, again. */
  private refused(entry: OutboxEntry, error: ApiError): void {
    if (!this.closed) this.hooks.refused(entry, error);
  }

  /** Send until it is answered; null: the session was closed before. Rejects with the refusal. */
  private async deliver(entry: OutboxEntry): Promise<Turn | null> {
    // One try of several may have arrived: that a later one is put off says nothing of it.
    let [faults, doubtful] = [0, false];
    for (let failures = 1; ; failures++) {
      this.unsure = true;
      const answer = await this.post(entry).catch(apiError);
      if (!(answer instanceof Error)) {
        this.outbox.remove(entry.key);
        return this.settle(answer);
      }
      if (isFault(answer)) faults++;
      if (isRefusal(answer, doubtful) || faults >= FAULTS) throw this.settle(answer);
      doubtful ||= !isPutOff(answer);
      this.unsure = doubtful;
      if (!doubtful) this.hooks.putOff();
      if (!this.closed && !this.hooks.recalled(entry, answer)) await this.wait(answer, failures);
      if (this.closed) return null;
      if (this.hooks.recalled(entry, answer)) throw this.settle(answer);
    }
  }

  /** What was being sent is sent no more; returns what it was answered. */
  private settle<T extends Turn | ApiError>(answer: T): T {
    this.unsure = false;
    this.connection.well(this);
    return answer;
  }

  private async wait(error: ApiError, failures: number): Promise<void> {
    const ms = Math.max(backOff(failures), error.waitMs);
    // A server that asks to wait has been reached.
    if (error.status === 0) this.connection.failed(this, failures, Date.now() + ms);
    else this.connection.well(this);
    const wake = new AbortController();
    this.resting = { error, wake };
    await this.connection.pause(ms, wake.signal);
    this.resting = null;
    if (error.status === 0 && !this.closed) this.connection.failed(this, failures, null);
  }

  private async post(entry: OutboxEntry): Promise<Turn> {
    const { key, text, parent, bot, model, title, turnId } = entry;
    const choice = { ...(bot === undefined ? {} : { bot }), ...(model === undefined ? {} : { model }) };
    if (entry.kind === "regenerate") return this.api.regenerate(turnId ?? "", { key, ...(model === undefined ? {} : { model }) });
    if (title !== undefined && !this.created) {
      const session = await this.api.createSession({ id: this.sessionId, title });
      this.made();
      this.hooks.created(session);
    }
    return this.api.send(this.sessionId, { text, parent, ...choice }, key);
  }
}

/** Whether the server itself asks to come back later: then nothing was taken. A gateway's word for it says nothing. */
function isPutOff({ status, code }: ApiError): boolean {
  return (status === 429 || status === 503) && code !== "" && code !== "unreachable";
}

/** Whether it may be answered so for ever. That the server is away, or asks to come back later, passes. */
function isFault({ status, code, passing }: ApiError): boolean {
  return status === 500 || !passing || (status > 500 && status !== 503 && code !== "");
}

/** Whether it is the last word. A proxy's is not, and least of all where a try before may have got through it: `doubtful`. */
function isRefusal({ status, code, passing }: ApiError, doubtful: boolean): boolean {
  return !passing && (code !== "" || !(doubtful || OF_PROXIES.includes(status)));
}
