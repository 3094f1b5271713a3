import { readEvents, type EventOptions } from "./events.js";
import { Http, type HttpOptions } from "./http.js";
import type { Bots, ExportedSession, MessagePage, Models, NewMessage, PageSettings, Session, SessionDetail, SessionPage, StoredMessage, Turn } from "./types.js";

export type ApiOptions = HttpOptions;

type Query = Record<string, string | number | boolean | undefined>;

/** The native API of one server (PROTOCOL.md, "Native API"). All methods reject with ApiError. */
export class Api {
  readonly base: string;
  private readonly http: Http;

  constructor(options: ApiOptions = {}) {
    this.http = new Http(options);
    this.base = this.http.base;
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

  updateSession(id: string, change: { title?: string; archived?: boolean; context?: Record<string, unknown> }): Promise<Session> {
    return this.http.json("PATCH", sessionPath(id), { body: change });
  }

  /** `keepalive`: also while the page is being closed. */
  deleteSession(id: string, options: { keepalive?: boolean } = {}): Promise<void> {
    return this.http.json("DELETE", sessionPath(id), options);
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
  rate(messageId: string, rating: "up" | "down" | null, comment?: string): Promise<StoredMessage> {
    const body = { rating, ...(comment === undefined ? {} : { comment }) };
    return this.http.json("PUT", `/api/messages/${encodeURIComponent(messageId)}/feedback`, { body });
  }

  exportSession(id: string): Promise<ExportedSession> {
    return this.http.json("GET", `${sessionPath(id)}/export`);
  }

  /** One branch as Markdown: the one that ends with `leaf`, else the newest. */
  exportMarkdown(id: string, leaf?: string): Promise<string> {
    return this.http.text(`${sessionPath(id)}/export${query({ format: "markdown", leaf })}`);
  }

  /** Make a session of what `exportSession` gave. */
  importSession(file: unknown): Promise<Session> {
    return this.http.json("POST", "/api/sessions/import", { body: file });
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
