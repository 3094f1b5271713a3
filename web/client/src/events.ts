import { createParser } from "eventsource-parser";
import { tooSlow, unexpectedAnswer, unreachable } from "./errors.js";
import type { Http } from "./http.js";

/** Heartbeats come every 15 s: a connection that says nothing for so long is dead, whatever the system believes. */
const SILENCE_MS = 40_000;
/** A reply's text comes in one event at most; nothing near so long is expected. */
const LONGEST_EVENT = 8_000_000;

/** One server-sent event; `id` is null where it has none. */
export interface ServerEvent {
  id: string | null;
  event: string;
  data: string;
}

export interface EventOptions {
  /** Where to go on: the id of the last event received. */
  cursor?: string | null;
  signal: AbortSignal;
  /** What it throws ends the connection, and is what the promise rejects with. */
  onEvent(event: ServerEvent): void;
  /** The server has answered. */
  onOpen?(): void;
  /** How long the server may be silent, in milliseconds (40,000). */
  silenceMs?: number;
}

/** Read the events of one connection to its end. Rejects with ApiError, or as the signal was aborted. */
export async function readEvents(http: Http, path: string, options: EventOptions): Promise<"ended" | "nothing"> {
  const silenceMs = options.silenceMs ?? SILENCE_MS;
  const watch = new Watchdog(options.signal, silenceMs);
  try {
    const headers = { Accept: "text/event-stream", ...(options.cursor ? { "Last-Event-ID": options.cursor } : {}) };
    const response = await http.stream(path, headers, watch.signal);
    if (response.status === 204) return "nothing";
    if (!response.body || !/^text\/event-stream\b/i.test(response.headers.get("Content-Type") ?? "")) {
      throw unexpectedAnswer("The server's answer is not a stream of events.");
    }
    options.onOpen?.();
    await feed(response.body.getReader(), options, () => watch.heard());
    return "ended";
  } catch (error) {
    throw watch.barked ? tooSlow(silenceMs / 1000) : error;
  } finally {
    // Also where the reading failed on this side: the connection would stay open, and browsers have six.
    watch.end();
  }
}

async function feed(reader: ReadableStreamDefaultReader<Uint8Array>, options: EventOptions, heard: () => void): Promise<void> {
  const decoder = new TextDecoder();
  const parser = createParser({
    maxBufferSize: LONGEST_EVENT,
    onEvent: ({ id, event, data }) => options.onEvent({ id: id ?? null, event: event ?? "message", data }),
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") throw unexpectedAnswer("The server sent an event without end.");
    },
  });
  for (;;) {
    const { value, done } = await reader.read().catch((error: unknown) => {
      throw options.signal.aborted ? error : unreachable();
    });
    if (done) return;
    heard();
    parser.feed(decoder.decode(value, { stream: true }));
  }
}

/** Aborts when nothing was heard for too long, or as another signal does. */
class Watchdog {
  barked = false;
  private readonly abort = new AbortController();
  private readonly follow = (): void => this.abort.abort();
  private timer: ReturnType<typeof setTimeout>;

  constructor(
    private readonly outer: AbortSignal,
    private readonly silenceMs: number,
  ) {
    outer.addEventListener("abort", this.follow);
    if (outer.aborted) this.follow();
    this.timer = this.set();
  }

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  heard(): void {
    clearTimeout(this.timer);
    this.timer = this.set();
  }

  end(): void {
    clearTimeout(this.timer);
    this.outer.removeEventListener("abort", this.follow);
    this.abort.abort();
  }

  private set(): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      this.barked = true;
      this.abort.abort();
    }, this.silenceMs);
  }
}
