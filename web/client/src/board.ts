import { createStore, type StoreApi } from "zustand/vanilla";
import { backOff } from "./back_off.js";
import { type ApiError, apiError } from "./errors.js";
import { Http } from "./http.js";
import type { Post } from "./types.js";

const EVERY_MS = 2000;
const PAGE = 100;
/** As many posts are kept, the newest: servers that know no pages send all they have, each time. */
export const KEPT_POSTS = 2000;
/** Pages read at most to close up with what is known: who was away for longer sees the newest. */
const PAGES_TO_CLOSE_UP = 10;

export interface BoardState {
  /** `unreachable`: nothing could be read yet; it is tried again. */
  readonly phase: "loading" | "ready" | "unreachable";
  /** Oldest first. */
  readonly posts: readonly Post[];
  readonly hasOlder: boolean;
  /** Why the last look failed; null if it did not. */
  readonly error: ApiError | null;
}

/** The message board of a server (contract A), looked at every 2 s while the page is visible. */
export class Board {
  readonly store: StoreApi<BoardState> = createStore<BoardState>(() => ({ phase: "loading", posts: [], hasOlder: false, error: null }));
  private readonly http: Http;
  private readonly ended = new AbortController();
  private readonly known = new Set<Post["id"]>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private looking: Promise<void> | null = null;
  private failures = 0;

  constructor(base: string, options: { fetch?: typeof fetch } = {}) {
    // Without cookies elsewhere: boards need none, and one that allows pages of any origin (`*`) refuses those that send them.
    this.http = new Http({ base, ...options, credentials: base === "" ? "same-origin" : "omit" });
  }

  /** Look now, and again and again until `close`. */
  start(): void {
    if (typeof document !== "undefined") document.addEventListener("visibilitychange", () => this.seen(), { signal: this.ended.signal });
    this.look();
  }

  /** Rejects with ApiError; nothing was posted then, as far as is known. */
  async post(sender: string, message: string): Promise<void> {
    const posted = asPost(await this.http.json<unknown>("POST", "/api/chat", { body: { sender, message } }));
    // In its place by the next look: others may have posted before it.
    if (this.looking) await this.looking;
    if (posted && this.known.has(posted.id)) return;
    this.look();
    await this.looking;
  }

  /** Read a page of older posts. Rejects with ApiError. */
  async loadOlder(): Promise<void> {
    const [oldest] = this.store.getState().posts;
    if (!oldest) return;
    const page = await this.page(oldest.id);
    // What was shown was let go of meanwhile: these posts would stand before a hole.
    if (this.store.getState().posts[0]?.id !== oldest.id) return;
    const older = page.filter((post) => !this.known.has(post.id));
    this.keep([...older, ...this.store.getState().posts], older.length === PAGE);
  }

  /** Nothing is asked or published after it. */
  close(): void {
    this.ended.abort();
    clearTimeout(this.timer);
  }

  private seen(): void {
    if (document.visibilityState === "visible") this.look();
  }

  private look(): void {
    clearTimeout(this.timer);
    this.looking ??= this.read().finally(() => {
      this.looking = null;
      const hidden = typeof document !== "undefined" && document.visibilityState === "hidden";
      if (hidden || this.ended.signal.aborted) return;
      this.timer = setTimeout(() => this.look(), Math.max(EVERY_MS, this.failures ? backOff(this.failures) : 0));
    });
  }

  private async read(): Promise<void> {
    try {
      const begun = this.store.getState().posts.length > 0;
      let page = await this.page();
      let fresh = page;
      const whole = page.length !== PAGE;
      for (let pages = 1; pages < PAGES_TO_CLOSE_UP && begun && this.isApart(fresh) && !whole; pages++) {
        page = await this.page(page[0]?.id);
        // A server that knows no pages has sent all it has already.
        if (page[0]?.id === fresh[0]?.id) break;
        fresh = [...page, ...fresh];
      }
      this.failures = 0;
      // Only now: older posts may have been read meanwhile.
      const { posts, hasOlder } = this.store.getState();
      const apart = posts.length > 0 && this.isApart(fresh);
      if (apart) this.known.clear();
      const news = fresh.filter((post) => !this.known.has(post.id));
      this.keep(apart ? news : [...posts, ...news], posts.length && !apart ? hasOlder : !whole);
    } catch (thrown) {
      this.failed(apiError(thrown));
    }
  }

  /** Whether nothing of what was read is known, and there is more than that: others may stand between. */
  private isApart(page: readonly Post[]): boolean {
    return page.length >= PAGE && !page.some((post) => this.known.has(post.id));
  }

  /** A page of posts, oldest first. */
  private async page(before?: Post["id"]): Promise<Post[]> {
    const place = before === undefined ? "" : `&before=${encodeURIComponent(before)}`;
    const answer = await this.http.json<unknown>("GET", `/api/chat?limit=${PAGE}${place}`);
    const posts = Array.isArray(answer) ? answer.flatMap((one) => asPost(one) ?? []) : [];
    return unique(posts).reverse();
  }

  private keep(posts: readonly Post[], hasOlder: boolean): void {
    if (this.ended.signal.aborted) return;
    const kept = posts.slice(-KEPT_POSTS);
    const before = this.store.getState();
    // Also those that are not kept: servers that know no pages send them again.
    for (const post of posts) this.known.add(post.id);
    const same = kept.length === before.posts.length && kept.at(-1)?.id === before.posts.at(-1)?.id;
    this.store.setState({ phase: "ready", posts: same ? before.posts : kept, hasOlder: hasOlder && kept.length < KEPT_POSTS, error: null });
  }

  private failed(error: ApiError): void {
    this.failures++;
    if (this.ended.signal.aborted) return;
    const { phase } = this.store.getState();
    this.store.setState({ phase: phase === "loading" ? "unreachable" : phase, error });
  }
}

function unique(posts: Post[]): Post[] {
  return [...new Map(posts.map((post) => [post.id, post])).values()];
}

/** A post, with a time that all browsers read alike; null: it is none. */
function asPost(value: unknown): Post | null {
  if (typeof value !== "object" || value === null) return null;
  const { id, message, sender, timestamp } = value as Record<string, unknown>;
  if (typeof id !== "number" && typeof id !== "string") return null;
  if (typeof message !== "string" || typeof sender !== "string") return null;
  return { id, message, sender, timestamp: inUTC(timestamp) };
}

/** Some servers leave the zone out, and mean UTC; browsers would take it for the reader's. */
function inUTC(time: unknown): string {
  const text = typeof time === "number" ? new Date(time).toISOString() : typeof time === "string" ? time : "";
  return /T[\d:.]+$/.test(text) ? `${text}Z` : text;
}
