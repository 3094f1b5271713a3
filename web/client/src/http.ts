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
    });
  }

  async text(path: string): Promise<string> {
    return this.within(async (signal) => (await this.ask(path, this.init("GET", {}, signal))).text());
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

  /** Do something that has to be over in time, its body included. */
  private async within<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const clock = new AbortController();
    const timer = setTimeout(() => clock.abort(), this.timeoutMs);
    try {
      return await work(clock.signal);
    } catch (error) {
      if (error instanceof ApiError) throw error;
      this.probe?.failed();
      throw clock.signal.aborted ? tooSlow(this.timeoutMs / 1000) : unreachable();
    } finally {
      clearTimeout(timer);
    }
  }
}
