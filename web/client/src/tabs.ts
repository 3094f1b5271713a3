/** What changed in a session of one server. Others ask the server what it is like now. */
export interface Change {
  server: string;
  session: string;
  what: "rated" | "renamed" | "deleted";
}

const CHANNEL = "antiphon.chat";

/** The other tabs of this browser: each is told what a reader changes here. */
export class Tabs {
  private readonly listeners = new Set<(change: Change) => void>();
  private channel: BroadcastChannel | null = null;

  /** `server`: its address; changes at others are not heard of. */
  constructor(private readonly server: string) {}

  tell(session: string, what: Change["what"]): void {
    const channel = this.channel ?? openChannel(CHANNEL);
    channel?.postMessage({ server: this.server, session, what } satisfies Change);
    if (channel !== this.channel) channel?.close();
  }

  /** Hear of changes made in other tabs; returns what ends it. */
  listen(listener: (change: Change) => void): () => void {
    this.listeners.add(listener);
    this.channel ??= openChannel(CHANNEL, (data) => this.heard(data));
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      this.channel?.close();
      this.channel = null;
    };
  }

  private heard(data: unknown): void {
    // Whatever else runs at this address may send anything.
    if (typeof data !== "object" || data === null || !("session" in data) || !("server" in data)) return;
    if (data.server === this.server) for (const listener of this.listeners) listener(data as Change);
  }
}

/** A channel to the other tabs; null where the browser has none, or does not allow it. */
export function openChannel(name: string, onData: (data: unknown) => void = () => undefined): BroadcastChannel | null {
  try {
    const channel = new BroadcastChannel(name);
    channel.onmessage = (event: MessageEvent) => onData(event.data);
    return channel;
  } catch {
    return null;
  }
}
