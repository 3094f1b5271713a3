import type { Api } from "./api.js";
import type { Replies } from "./replies.js";
import type { SessionDraft } from "./session_draft.js";
import type { MessagePage, SessionDetail } from "./types.js";

/** Messages of the first page, which is shown at once; of those read for their versions. */
const FIRST_PAGE = 100;
const FURTHER_PAGE = 200;
/** So long a branch is shown at least, if it is so long. */
const SHOWN = 40;
/** So many messages are read without anybody asking, so that all versions of what is shown are known. */
export const READ_AHEAD = 2000;
/** Pages read for one wish to see more: each may be of other branches only. */
const PAGES_A_WISH = 10;

/** Reads the messages of a session, the newest first. */
export class Loading {
  /** Where the next page is; null: all are here. */
  private before: number | null = null;
  private begun = false;
  private reading: Promise<void> | null = null;
  private idle: (() => void) | null = null;
  private closed = false;

  constructor(
    private readonly api: Api,
    private readonly draft: SessionDraft,
    private readonly replies: Replies,
  ) {}

  /**
   * Read the session and its newest messages; returns the session and the cursor from which all that is not in
   * them follows. Rejects with ApiError.
   */
  async load(): Promise<{ session: SessionDetail; cursor: string }> {
    // What begins from now on is not in the session's answer, and yet not lost.
    const expected = this.replies.underWay();
    // In this order: a reply that ends in between is in both, never in neither.
    const session = await this.api.session(this.draft.id);
    const page = await this.api.messages(this.draft.id, { limit: FIRST_PAGE });
    const { tree } = this.draft;
    const joins = page.messages.some((message) => tree.has(message.id));
    // What joins what was read before leaves its older pages where they are; else there is a hole to be filled.
    if (!joins || !this.begun) this.before = page.next_before;
    this.begun = true;
    const lost = expected.filter((turn) => !session.running.some((running) => running.id === turn.id));
    this.take(page);
    if (tree.end && joins) tree.show(tree.end.id);
    else tree.endAt(tree.newest());
    for (const turn of session.running) this.replies.expect(turn);
    for (const turn of lost) if (!page.messages.some((message) => message.id === turn.message_id)) void this.replies.fetchEnded(turn);
    return { session, cursor: cursorAfter(session) };
  }

  /** Read on until the branch shown is longer, or all of it is here. Rejects with ApiError. */
  async older(): Promise<void> {
    const { draft } = this;
    const length = draft.tree.path.length;
    draft.loadingOlder = true;
    draft.publish();
    try {
      for (let pages = 0; pages < PAGES_A_WISH && this.before !== null && draft.tree.path.length === length; pages++) await this.page();
    } finally {
      draft.loadingOlder = false;
      draft.publish();
    }
  }

  /** Read what the branch shown needs, then when nothing else is to do what else there is. */
  async further(): Promise<void> {
    const { tree } = this.draft;
    const cut = (): boolean => tree.path.length < SHOWN && tree.get(tree.path[0])?.parentId != null;
    try {
      while (cut() && this.before !== null && !this.closed) await this.page();
    } catch {
      return;
    }
    this.whenIdle();
  }

  close(): void {
    this.closed = true;
    this.idle?.();
  }

  private whenIdle(): void {
    if (this.closed || this.idle || this.before === null || this.draft.tree.size >= READ_AHEAD) return;
    const read = (): void => {
      this.idle = null;
      // Who wants to see more asks again; what failed here nobody waits for.
      this.page().then(
        () => this.whenIdle(),
        () => undefined,
      );
    };
    if (typeof requestIdleCallback === "function") {
      const id = requestIdleCallback(read, { timeout: 2000 });
      this.idle = () => cancelIdleCallback(id);
    } else {
      const timer = setTimeout(read, 50);
      this.idle = () => clearTimeout(timer);
    }
  }

  private page(): Promise<void> {
    this.reading ??= this.read().finally(() => (this.reading = null));
    return this.reading;
  }

  private async read(): Promise<void> {
    const { before } = this;
    if (before === null) return;
    const page = await this.api.messages(this.draft.id, { limit: FURTHER_PAGE, before });
    // Loaded anew meanwhile, there is a hole above this page: it would never be read if the place moved on from here.
    if (this.closed || this.before !== before) return;
    this.before = page.next_before;
    this.take(page);
    this.draft.changed();
  }

  private take(page: MessagePage): void {
    for (const message of page.messages) this.replies.store(message);
    this.draft.hasOlder = this.before !== null;
  }
}

/**
 * The cursor that gives the replies under way from their first chunk and all that come after them. A stream
 * without a cursor would leave out those that end between the reading and the following, if others got them.
 */
export function cursorAfter(session: { turn_count: number; running?: { number: number }[] }): string {
  const next = session.turn_count + 1;
  const running = (session.running ?? []).map((turn) => turn.number).filter((number) => number < next);
  return [next, ...running.sort((one, other) => other - one)].map((number) => `${number}.0`).join(",");
}
