import type { StoredMessage, Turn } from "../src/types.js";

type Chunk = { type: string; text?: string; data?: unknown };
type Handler = (request: FakeRequest) => Response | Promise<Response> | undefined;

export interface FakeRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: Headers;
  body: Record<string, unknown>;
}

const DAY = Date.parse("2026-11-20T08:00:00Z");
const at = (minute: number): string => new Date(DAY + minute * 60_000).toISOString();

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });
}

export function problem(status: number, code: string, more: object = {}): Response {
  return json(status, { type: "about:blank", title: code, status, code, detail: `${code}.`, ...more });
}

/** A turn of the fake server, to be scripted: what it says goes to all who follow. */
export class FakeTurn {
  readonly chunks: Chunk[] = [];

  constructor(
    readonly turn: Turn,
    private readonly server: FakeServer,
  ) {}

  say(text: string, type = "content"): void {
    this.add({ type, text });
  }

  reset(): void {
    this.add({ type: "reset", data: { reason: "test", epoch: 2 } });
  }

  get content(): string {
    const from = this.chunks.map((chunk) => chunk.type).lastIndexOf("reset");
    return this.chunks.slice(from + 1).flatMap((chunk) => (chunk.type === "content" ? (chunk.text ?? "") : [])).join("");
  }

  end(state: "complete" | "stopped" | "failed" = "complete", more: object = {}): void {
    const usage = { prompt_tokens: 3, completion_tokens: 7, estimated: false };
    const metadata = { model: this.turn.model, finish_reason: "stop", ...more };
    const { id, prompt_id, message_id, number, session_id, bot } = this.turn;
    this.turn.state = state;
    this.turn.ended_at = at(number + 1);
    this.server.messages.push({
      id: message_id, session_id, ordinal: 2 * number + 1, role: "assistant", sender: bot, status: state, content: this.content,
      parent_id: prompt_id, turn_id: id, usage, metadata, feedback: null, created_at: at(number + 1),
    });
    this.add({ type: "end", data: { state, message_id, usage, ...metadata } });
  }

  /** The event of a chunk, with the cursor after it. */
  event(seq: number): string {
    const { number } = this.turn;
    const data = JSON.stringify({ ...this.chunks[seq], turn: number, seq });
    return `id: ${number}.${seq + 1}\ndata: ${data}\n\n`;
  }

  private add(chunk: Chunk): void {
    this.chunks.push(chunk);
    for (const stream of this.server.streams) stream.send(this.event(this.chunks.length - 1));
  }
}

/** One connection of somebody who follows the session. */
export class FakeStream {
  private controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly response: Response;
  open = true;

  constructor(readonly cursor: string | null, signal: AbortSignal | null | undefined, private readonly server: FakeServer) {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (this.controller = controller) });
    this.response = new Response(body, { headers: { "Content-Type": "text/event-stream; charset=utf-8" } });
    signal?.addEventListener("abort", () => this.cut(new DOMException("aborted", "AbortError")));
  }

  send(text: string): void {
    if (this.open) this.controller.enqueue(new TextEncoder().encode(text));
  }

  cut(error: Error = new TypeError("terminated")): void {
    if (!this.open) return;
    this.controller.error(error);
    this.gone();
  }

  finish(): void {
    if (!this.open) return;
    this.controller.close();
    this.gone();
  }

  private gone(): void {
    this.open = false;
    this.server.streams.delete(this);
  }
}

/** A server with one session, as PROTOCOL.md describes it, whose replies and faults a test scripts. */
export class FakeServer {
  readonly requests: FakeRequest[] = [];
  readonly messages: StoredMessage[] = [];
  readonly turns: FakeTurn[] = [];
  readonly streams = new Set<FakeStream>();
  /** Every connection there ever was. */
  readonly followed: FakeStream[] = [];
  session: { id: string; title: string } | null = null;
  /** No request gets through. */
  down = false;
  /** Answers in place of the server, unless it returns nothing. */
  instead: Handler = () => undefined;
  /** Whether the answer to this request is lost, after the server did what it asks. */
  loses: (request: FakeRequest) => boolean = () => false;
  private readonly keys = new Map<string, FakeTurn>();

  readonly fetch = (async (url: string | URL | Request, init: RequestInit = {}) => {
    const { pathname, searchParams } = new URL(url as string, "http://server");
    const body = typeof init.body === "string" ? (JSON.parse(init.body) as Record<string, unknown>) : {};
    const request = { method: init.method ?? "GET", path: pathname, query: searchParams, headers: new Headers(init.headers), body };
    this.requests.push(request);
    await Promise.resolve();
    if (init.signal?.aborted) throw new DOMException("aborted", "AbortError");
    if (this.down) throw new TypeError("fetch failed");
    const answer = (await this.instead(request)) ?? this.answer(request, init.signal);
    if (this.loses(request)) throw new TypeError("fetch failed");
    return answer;
  }) as typeof fetch;

  made(method: string, end: string): FakeRequest[] {
    return this.requests.filter((request) => request.method === method && request.path.endsWith(end));
  }

  begin(title = "A talk"): this {
    this.session = { id: "s", title };
    return this;
  }

  /** A turn that somebody else began. */
  ask(text: string | null, parent: string | null, promptId?: string): FakeTurn {
    const number = this.turns.length + 1;
    const prompt_id = promptId ?? `p${number}`;
    const turn: Turn = {
      id: `t${number}`, session_id: this.session?.id ?? "", number, state: "running", prompt_id, message_id: `r${number}`,
      bot: "echo", model: "builtin/echo", pod: "pod-1", created_at: at(number), ended_at: null,
    };
    if (text !== null) {
      this.messages.push({
        id: prompt_id, session_id: turn.session_id, ordinal: 2 * number, role: "user", sender: "user", status: "complete", content: text,
        parent_id: parent, turn_id: turn.id, usage: null, metadata: {}, feedback: null, created_at: at(number),
      });
    }
    const made = new FakeTurn(turn, this);
    this.turns.push(made);
    for (const stream of this.streams) stream.send(this.introduced(made));
    return made;
  }

  /** An exchange that is over. */
  exchange(text: string, reply: string, parent: string | null): FakeTurn {
    const turn = this.ask(text, parent);
    turn.say(reply);
    turn.end();
    return turn;
  }

  cut(): void {
    for (const stream of [...this.streams]) stream.cut();
  }

  private answer({ method, path, query, headers, body }: FakeRequest, signal: AbortSignal | null | undefined): Response {
    const [, , kind, id = "", what] = path.split("/");
    if (path === "/health") return json(200, { service: "antiphon" });
    if (kind === "messages" && what === "feedback") return this.rated(id, body.rating as "up" | "down" | null);
    if (kind === "messages") return this.found(this.messages.find((message) => message.id === id));
    const route = `${method} ${[kind, what].filter(Boolean).join(" ")}`;
    if (kind === "sessions" && path !== "/api/sessions" && this.session?.id !== id) return problem(404, "not_found");
    switch (route) {
      case "POST sessions":
        this.session ??= { id: String(body.id), title: String(body.title) };
        return json(201, this.view());
      case "GET sessions":
        return json(200, { ...this.view(), running: this.turns.filter((one) => one.turn.ended_at === null).map((one) => one.turn) });
      case "PATCH sessions":
        this.session = { id, title: String(body.title) };
        return json(200, this.view());
      case "GET sessions messages":
        return json(200, this.page(Number(query.get("limit")), query.get("before")));
      case "POST sessions messages":
        return this.once(headers, () => this.ask(String(body.text), body.parent as string | null));
      case "POST turns regenerate":
        return this.once(headers, () => this.ask(null, null, this.turns.find((one) => one.turn.id === id)?.turn.prompt_id));
      case "POST turns cancel":
        this.turns.find((one) => one.turn.id === id)?.end("stopped");
        return json(202, {});
      case "GET sessions events":
        return this.follow(headers.get("Last-Event-ID"), signal);
    }
    return problem(404, "not_found");
  }

  private rated(id: string, rating: "up" | "down" | null): Response {
    const message = this.messages.find((one) => one.id === id);
    if (message) message.feedback = rating && { rating, comment: "", created_at: at(0) };
    return this.found(message && structuredClone(message));
  }

  private found(value: unknown): Response {
    return value === undefined ? problem(404, "not_found") : json(200, value);
  }

  private view(): object {
    return { ...this.session, context: {}, archived: false, turn_count: this.turns.length, created_at: at(0), updated_at: at(this.turns.length) };
  }

  private page(limit: number, before: string | null): object {
    const sorted = this.messages.toSorted((one, other) => one.ordinal - other.ordinal);
    const older = sorted.filter((message) => before === null || message.ordinal < Number(before));
    const messages = older.slice(-limit);
    return { messages, next_before: messages.length === limit ? messages[0]?.ordinal : null };
  }

  private once(headers: Headers, ask: () => FakeTurn): Response {
    const key = headers.get("Idempotency-Key") ?? "";
    const made = this.keys.get(key) ?? ask();
    this.keys.set(key, made);
    return json(202, { turn: made.turn });
  }

  private introduced({ turn }: FakeTurn): string {
    return `event: turn\ndata: ${JSON.stringify({ type: "turn", ...turn })}\n\n`;
  }

  private follow(cursor: string | null, signal: AbortSignal | null | undefined): Response {
    const stream = new FakeStream(cursor, signal, this);
    this.streams.add(stream);
    this.followed.push(stream);
    const received = new Map((cursor ?? "").split(",").map((pair) => pair.split(".").map(Number) as [number, number]));
    const newest = Math.max(...received.keys());
    stream.send(`id: ${cursor}\nevent: connected\ndata: {"type":"connected"}\n\n`);
    for (const one of this.turns) {
      const from = received.get(one.turn.number) ?? (one.turn.number > newest ? 0 : null);
      if (from === null || (one.turn.ended_at !== null && from >= one.chunks.length)) continue;
      stream.send(this.introduced(one));
      for (let seq = from; seq < one.chunks.length; seq++) stream.send(one.event(seq));
    }
    return stream.response;
  }
}

/** Wait until something is so. */
export async function until(what: () => boolean, ms = 8000): Promise<void> {
  for (const end = Date.now() + ms; !what(); ) {
    if (Date.now() > end) throw new Error(`not so after ${ms} ms: ${what.toString()}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}
