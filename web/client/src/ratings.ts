import type { Api } from "./api.js";
import { isSettled } from "./messages/message.js";
import type { SessionDraft } from "./session_draft.js";
import type { Feedback } from "./types.js";

type Rating = Feedback["rating"] | null;

/** What is wished for a message, and the request that brings it to the server. */
interface Wish {
  rating: Rating;
  work: Promise<void>;
}

/** As many of the newest messages are looked at for what was thought of them elsewhere. */
const LOOKED_AT = 100;

/** What the reader thinks of replies. Shown at once, and taken back if it is refused. */
export class Ratings {
  /** By the message's id: one request at a time, or their order would decide. */
  private readonly wishes = new Map<string, Wish>();
  private wished = 0;

  constructor(
    private readonly api: Api,
    private readonly draft: SessionDraft,
    private readonly rated: () => void,
  ) {}

  /** Of several wishes for a message the last one holds. Rejects with ApiError. */
  rate(messageId: string, rating: Rating): Promise<void> {
    const message = this.draft.tree.get(messageId);
    if (!message) return Promise.resolve();
    this.wished++;
    this.show(messageId, rating && { rating, comment: "", created_at: new Date().toISOString() });
    const known = this.wishes.get(messageId);
    if (known) {
      known.rating = rating;
      return known.work;
    }
    const wish: Wish = { rating, work: Promise.resolve() };
    this.wishes.set(messageId, wish);
    wish.work = this.bring(messageId, wish, message.feedback).finally(() => this.wishes.delete(messageId));
    return wish.work;
  }

  /** See what was thought of the newest messages elsewhere. Rejects with ApiError. */
  async lookAgain(): Promise<void> {
    const { wished } = this;
    const page = await this.api.messages(this.draft.id, { limit: LOOKED_AT });
    // An answer from before the reader's last wish would take that back.
    if (this.wished !== wished || this.wishes.size > 0) return;
    for (const { id, feedback } of page.messages) {
      const shown = this.draft.tree.get(id);
      if (shown && isSettled(shown) && shown.feedback?.rating !== feedback?.rating) this.show(id, feedback);
    }
  }

  private async bring(messageId: string, wish: Wish, before: Feedback | null): Promise<void> {
    for (let feedback = before; ; ) {
      const { rating } = wish;
      try {
        ({ feedback } = await this.api.rate(messageId, rating));
      } catch (error) {
        if (wish.rating !== rating) continue;
        this.show(messageId, feedback);
        throw error;
      }
      if (wish.rating !== rating) continue;
      this.show(messageId, feedback);
      this.rated();
      return;
    }
  }

  private show(messageId: string, feedback: Feedback | null): void {
    const { tree } = this.draft;
    const message = tree.get(messageId);
    if (message) tree.put({ ...message, feedback });
    this.draft.publish();
  }
}
