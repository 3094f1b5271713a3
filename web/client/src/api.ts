import { readEvents, type EventOptions } from "./events.js";
import { apiError, unexpectedAnswer } from "./errors.js";
import { Http, type HttpOptions } from "./http.js";
import { newId } from "./ids.js";
import { type Change, Tabs } from "./tabs.js";
import type { Bots, ExportedSession, MessagePage, Models, NewMessage, PageSettings, Session, SessionDetail, SessionPage, StoredMessage, Turn } from "./types.js";

export type ApiOptions = HttpOptions;

/** Files take their time on slow lines, and how much of one has been sent cannot be seen. */
const UPLOAD_MS = 300_000;

type Query = Record<string, string | number | boolean | undefined>;

/** The native API of one server (PROTOCOL.md, "Native API"). All methods reject with ApiError. */
export class Api {
  readonly base: string;
  private readonly http: Http;
  private readonly tabs: Tabs;

  constructor(options: ApiOptions = {}) {
    this.http = new Http(options);
    this.base = this.http.base;
    this.tabs = new Tabs(this.base);
  }

  /** Own sessions, the last used first; `before` is `next_before` of the page before. */
  sessions(options: { limit?: number; before?: number | string; q?: string; archived?: boolean } = {}): Promise<SessionPage> {
    return this.http.json("GET", `/api/sessions${query(options)}`);
  }

  session(id: string): Promise<SessionDetail> {
    return this.http.json("GET", sessionPath(id));
  }

  /** Make a session, or get the one that has this id already. */
  createSession(options: { id?: string; title?: string; context?: Record<string, unknown> } = {}): Promise<Session> {
    return this.http.json("POST", "/api/sessions", { body: options });
  }

  async updateSession(id: string, change: { title?: string; archived?: boolean; context?: Record<string, unknown> }): Promise<Session> {
    const session = await this.http.json<Session>("PATCH", sessionPath(id), { body: change });
    this.tabs.tell(id, "renamed");
    return session;
  }

  /** `keepalive`: also while the page is being closed. */
  async deleteSession(id: string, options: { keepalive?: boolean } = {}): Promise<void> {
    await this.http.json("DELETE", sessionPath(id), options);
    this.tabs.tell(id, "deleted");
  }

  /** A page of messages, oldest first; `before` is `next_before` of the page that follows it. */
  messages(id: string, options: { limit?: number; before?: number } = {}): Promise<MessagePage> {
    return this.http.json("GET", `${sessionPath(id)}/messages${query(options)}`);
  }

  message(id: string): Promise<StoredMessage> {
    return this.http.json("GET", `/api/messages/${encodeURIComponent(id)}`);
  }

  /** Send a message. Safe to repeat with the same `key`: it is the same turn then. */
  async send(sessionId: string, message: NewMessage, key: string): Promise<Turn> {
    const headers = { "Idempotency-Key": key };
    const { turn } = await this.http.json<{ turn: Turn }>("POST", `${sessionPath(sessionId)}/messages`, { body: message, headers });
    return turn;
  }

  /** Have a turn's message answered once more. Safe to repeat with the same `key`. */
  async regenerate(turnId: string, options: { model?: string; key: string }): Promise<Turn> {
    const path = `${turnPath(turnId)}/regenerate${query({ model: options.model })}`;
    const { turn } = await this.http.json<{ turn: Turn }>("POST", path, { headers: { "Idempotency-Key": options.key } });
    return turn;
  }

  /** Stop a reply; what there is of it is kept, and its `end` follows. */
  cancel(turnId: string): Promise<Turn> {
    return this.http.json("POST", `${turnPath(turnId)}/cancel`);
  }

  /** Say what one thinks of a reply; null takes it back. */
  async rate(messageId: string, rating: "up" | "down" | null, comment?: string): Promise<StoredMessage> {
    const body = { rating, ...(comment === undefined ? {} : { comment }) };
    const message = await this.http.json<StoredMessage>("PUT", `/api/messages/${encodeURIComponent(messageId)}/feedback`, { body });
    this.tabs.tell(message.session_id, "rated");
    return message;
  }

  async exportSession(id: string): Promise<ExportedSession> {
    const text = await this.http.file(`${sessionPath(id)}/export`);
    try {
      return JSON.parse(text) as ExportedSession;
    } catch {
      throw unexpectedAnswer("The exported conversation is not JSON.");
    }
  }

  /** One branch as Markdown: the one that ends with `leaf`, else the newest. */
  exportMarkdown(id: string, leaf?: string): Promise<string> {
    return this.http.file(`${sessionPath(id)}/export${query({ format: "markdown", leaf })}`);
  }

  /** Make a session of what `exportSession` gave. Safe to repeat with the same `key`: it is the same session then. */
  async importSession(file: unknown, key = newId("key-")): Promise<Session> {
    const bring = (): Promise<Session> =>
      this.http.json("POST", "/api/sessions/import", { body: file, headers: { "Idempotency-Key": key }, limitMs: UPLOAD_MS });
    return bring().catch((thrown: unknown) => {
      // The answer may have been lost after the session was made: who imports anew would have it twice.
      if (apiError(thrown).code === "unreachable") return bring();
      throw thrown;
    });
  }

  models(): Promise<Models> {
    return this.http.json("GET", "/api/models");
  }

  bots(): Promise<Bots> {
    return this.http.json("GET", "/api/bots");
  }

  pageSettings(): Promise<PageSettings> {
    return this.http.json("GET", "/api/page");
  }

  /** Hear what was changed in other tabs of this browser; returns what ends it. */
  onChange(listener: (change: Change) => void): () => void {
    return this.tabs.listen(listener);
  }

  /** The server-sent events of one connection, to its end. `nothing`: all was received before (204). */
  events(path: string, options: EventOptions): Promise<"ended" | "nothing"> {
    return readEvents(this.http, path, options);
  }
}

function sessionPath(id: string): string {
  return `/api/sessions/${encodeURIComponent(id)}`;
}

function turnPath(id: string): string {
  return `/api/turns/${encodeURIComponent(id)}`;
}

function query(fields: Query): string {
  const given = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  return given.length ? `?${new URLSearchParams(given).toString()}` : "";
}
