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
  /** The server has surely not taken what was sent, and is asked again after a while. */
  putOff(): void;
}

/** Sends the outbox of one session in order, each entry until it is answered. */
export class Sender {
  private queue: OutboxEntry[] = [];
  private sending = false;
  /** Whether the server may have taken what is being sent. */
  private unsure = false;
  private created = false;
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

  /** What is being sent is sent once to its end; no more is begun, and nothing repeated. */
  close(): void {
    this.ended.abort();
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
    for (let failures = 1; ; failures++) {
      try {
        this.unsure = true;
        const turn = await this.post(entry);
        this.unsure = false;
        this.connection.well(this);
        this.outbox.remove(entry.key);
        return turn;
      } catch (thrown) {
        const error = apiError(thrown);
        this.unsure = error.passing && !isPutOff(error);
        if (!error.passing) {
          this.connection.well(this);
          throw error;
        }
        if (!this.unsure) this.hooks.putOff();
        if (!this.closed) await this.wait(error, failures);
        if (this.closed) return null;
      }
    }
  }

  private async wait(error: ApiError, failures: number): Promise<void> {
    const ms = Math.max(backOff(failures), error.waitMs);
    // A server that asks to wait has been reached.
    if (error.status === 0) this.connection.failed(this, failures, Date.now() + ms);
    else this.connection.well(this);
    await this.connection.pause(ms, this.ended.signal);
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
  return (status === 429 || status === 503) && code !== "";
}
