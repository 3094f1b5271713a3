import type { Connection } from "./connection.js";
import { ApiError, refusal, tooSlow, unexpectedAnswer, unreachable } from "./errors.js";
import { Probe } from "./probe.js";

const TIMEOUT_MS = 30_000;

export interface HttpOptions {
  /** The server's address, such as `https://chat.example.org`; empty (the default): that of this page. */
  base?: string;
  /** Sent as `Authorization: Bearer …`; no cookies are sent or kept then. */
  key?: string;
  /** Whether cookies go along. By itself: here and to another server, but not with a key. */
  credentials?: RequestCredentials;
  fetch?: typeof fetch;
  /** How long an answer is waited for, in milliseconds (30,000); streams have a bound of their own. */
  timeoutMs?: number;
  /** Is told when the server cannot be reached and when it can again. */
  connection?: Connection;
}

export interface RequestOptions {
  body?: unknown;
  headers?: Record<string, string>;
  /** Let the request outlive the page. */
  keepalive?: boolean;
  /** How long this one may take at most, in milliseconds, where that is not `timeoutMs`. */
  limitMs?: number;
}

/** Requests to one server. All methods reject with ApiError, but for what the caller's signal aborted. */
export class Http {
  readonly base: string;
  private readonly common: RequestInit;
  private readonly headers: Record<string, string>;
  private readonly fetch: typeof fetch;
  private readonly timeoutMs: number;
  private readonly probe: Probe | null;

  constructor(options: HttpOptions) {
    this.base = (options.base ?? "").replace(/\/+$/, "");
    const usual = options.key !== undefined ? "omit" : this.base ? "include" : "same-origin";
    this.common = { cache: "no-store", credentials: options.credentials ?? usual };
    this.headers = options.key !== undefined ? { Authorization: `Bearer ${options.key}` } : {};
    // Looked up at each call: it has to be called as a method of nothing else, and pages may replace it.
    this.fetch = options.fetch ?? ((...args) => globalThis.fetch(...args));
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.probe = options.connection ? new Probe(options.connection, () => this.within((signal) => this.ask("/health", { signal }))) : null;
  }

  async json<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    return this.within(async (signal) => {
      const response = await this.ask(path, this.init(method, options, signal));
      if (response.status === 204) return undefined as T;
      return (await response.json().catch((error: unknown) => {
        throw signal.aborted ? error : unexpectedAnswer("The server's answer is not JSON.");
      })) as T;
    }, options.limitMs);
  }

  /** A file's text. It may take as long as it comes: only its pauses are bounded, by `timeoutMs`. */
  async file(path: string): Promise<string> {
    return this.within(async (signal, heard) => textOf(await this.ask(path, this.init("GET", {}, signal)), heard));
  }

  /** An answer that is read piece by piece, for as long as the signal lasts. */
  stream(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    return this.ask(path, this.init("GET", { headers }, signal));
  }

  private init(method: string, { body, headers, keepalive }: RequestOptions, signal: AbortSignal): RequestInit {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const type = body === undefined ? {} : { "Content-Type": "application/json" };
    return { method, signal, ...content, ...(keepalive ? { keepalive } : {}), headers: { ...type, ...headers } };
  }

  private async ask(path: string, init: RequestInit): Promise<Response> {
    const headers = { ...this.headers, ...(init.headers as Record<string, string> | undefined) };
    const response = await this.fetch(this.base + path, { ...this.common, ...init, headers }).catch((error: unknown) => {
      if (init.signal?.aborted) throw error;
      this.probe?.failed();
      throw unreachable();
    });
    this.probe?.answered();
    if (!response.ok) throw await refusal(response);
    return response;
  }

  /** Do something that has to be over in time, its body included; the time begins anew each time something is `heard`. */
  private async within<T>(work: (signal: AbortSignal, heard: () => void) => Promise<T>, limitMs = this.timeoutMs): Promise<T> {
    const clock = new AbortController();
    const start = (): ReturnType<typeof setTimeout> => setTimeout(() => clock.abort(), limitMs);
    let timer = start();
    const heard = (): void => {
      clearTimeout(timer);
      timer = start();
    };
    try {
      return await work(clock.signal, heard);
    } catch (error) {
      if (error instanceof ApiError) throw error;
      this.probe?.failed();
      throw clock.signal.aborted ? tooSlow(limitMs / 1000) : unreachable();
    } finally {
      clearTimeout(timer);
    }
  }
}

async function textOf({ body }: Response, heard: () => void): Promise<string> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  for (let text = ""; ; ) {
    const piece = await reader?.read();
    if (!piece || piece.done) return text + decoder.decode();
    heard();
    text += decoder.decode(piece.value, { stream: true });
  }
}
