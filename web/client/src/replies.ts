import type { OutboxEntry } from "./outbox.js";
import { aboutTurn, fromStored, isSettled, promptOrder, replyOf, replyOrder, underWay } from "./messages/message.js";
import { type ChunkEvent, RunningReply } from "./messages/reply.js";
import type { SessionDraft } from "./session_draft.js";
import type { Fault, ReplyEvent, StoredMessage, Turn } from "./types.js";

export interface RepliesHooks {
  /** Whether a turn that nobody here knows may be one of those being sent. */
  undecided(): boolean;
  /** Whether something of this reader's own is under way on the branch shown. */
  busy(): boolean;
  /** Get a message that is not here. `gone`: the server does not have it; null: nobody waits for it any more. Never rejects. */
  fetch(messageId: string): Promise<StoredMessage | "gone" | null>;
  /** A reply has come to its end. */
  ended(turn: Turn): void;
  /** A turn has begun. */
  began(turn: Turn): void;
}

const GONE: Fault = { code: "not_found", message: "The server does not have this reply. Try again to have it made anew." };

/** The replies under way in a session, begun here or elsewhere. */
export class Replies {
  /** By the turn's number; null: it has ended, and nothing more is taken of it. */
  private readonly turns = new Map<number, RunningReply | null>();
  /** Replies that came before the answer to what was sent: it tells whether they are ours. */
  private unclaimed: RunningReply[] = [];
  /** Those of which something came since the last drawing. */
  private readonly fresh = new Set<RunningReply>();
  private readonly own = new Set<string>();

  constructor(
    private readonly draft: SessionDraft,
    private readonly hooks: RepliesHooks,
  ) {
    draft.gather = () => this.draw();
  }

  /** Take an event of the session's stream; `lost`: chunks before it are missing. */
  take(event: ReplyEvent): "taken" | "lost" {
    if (event.type === "turn") this.heard(event);
    else if ("seq" in event) return this.chunk(event);
    return "taken";
  }

  /** Reply of a turn that the server said is under way, when the messages were read. */
  expect(turn: Turn): void {
    const known = this.turns.get(turn.number);
    if (this.settled(turn)) return;
    if (known) known.beginAgain();
    else this.turns.set(turn.number, new RunningReply(turn));
    if (this.unclaimed.some((reply) => reply.turn.number === turn.number)) return;
    void this.attach(turn);
  }

  /** The replies that are thought to be under way. */
  underWay(): Turn[] {
    return [...this.turns.values()].flatMap((reply) => (reply && !reply.end ? [reply.turn] : []));
  }

  /** The server has taken what was sent: its turn's ids are the messages' now. */
  adopt(entry: OutboxEntry, turn: Turn, sentAt: number | null): void {
    const { tree } = this.draft;
    const reply = this.turns.get(turn.number) ?? new RunningReply(turn);
    if (!this.settled(turn)) this.turns.set(turn.number, reply);
    reply.sentAt = sentAt;
    this.own.add(turn.message_id);
    this.unclaimed = this.unclaimed.filter((other) => other !== reply);
    const prompt = tree.get(entry.promptId);
    if (prompt?.status === "sending") tree.put({ ...prompt, status: "complete", turnId: turn.id, createdAt: Date.parse(turn.created_at) });
    tree.rename(entry.promptId, turn.prompt_id, promptOrder(turn.number));
    tree.rename(entry.replyId, turn.message_id, replyOrder(turn.number));
    const shown = tree.get(turn.message_id);
    if (!shown) return void this.attach(turn);
    if (!isSettled(shown)) {
      tree.put({ ...shown, turnId: turn.id, sender: turn.bot, metadata: aboutTurn(turn), createdAt: Date.parse(turn.created_at) });
      this.fresh.add(reply);
      if (turn.ended_at !== null && reply.next === 0) void this.fetchEnded(turn);
    }
    this.hooks.began(turn);
    this.draft.changed();
  }

  /** What is sent has all been answered: replies that nobody claimed are of others. */
  release(): void {
    const others = this.unclaimed;
    this.unclaimed = [];
    for (const reply of others) void this.attach(reply.turn);
  }

  /** A message as the server stores it; what is shown of a reply that has ended stays the same object. */
  store(stored: StoredMessage): void {
    const { tree } = this.draft;
    const before = tree.get(stored.id);
    if (before && isSettled(before) && before.content === stored.content && before.feedback?.rating === stored.feedback?.rating) {
      tree.put(before, stored.ordinal);
      return;
    }
    tree.put(fromStored(stored, before), stored.ordinal);
    if (stored.role === "assistant") this.turns.set(Math.floor(stored.ordinal / 2), null);
  }

  /** A reply that ended while nobody looked: what is stored of it is what it is. */
  async fetchEnded(turn: Turn): Promise<void> {
    const { tree } = this.draft;
    const stored = await this.hooks.fetch(turn.message_id);
    if (stored === null) return;
    const shown = tree.get(turn.message_id);
    if (stored !== "gone") this.store(stored);
    // It keeps its place: what was said after it would lose all that came before.
    else if (shown && underWay(shown)) tree.put({ ...shown, status: "failed", fault: GONE });
    this.turns.set(turn.number, null);
    this.hooks.ended(turn);
    this.draft.changed();
  }

  private settled(turn: Turn): boolean {
    const shown = this.draft.tree.get(turn.message_id);
    return shown !== undefined && isSettled(shown);
  }

  private heard(turn: Turn): void {
    const known = this.turns.get(turn.number);
    if (known && known.next > 0) known.cameBack();
    if (known !== undefined) return;
    if (this.settled(turn)) {
      this.turns.set(turn.number, null);
      return;
    }
    const reply = new RunningReply(turn);
    this.turns.set(turn.number, reply);
    if (this.hooks.undecided()) this.unclaimed.push(reply);
    else void this.attach(turn);
  }

  private chunk(event: ChunkEvent): "taken" | "lost" {
    const reply = this.turns.get(event.turn);
    if (reply === null) return "taken";
    if (!reply || reply.take(event) === "gap") return "lost";
    this.fresh.add(reply);
    this.draft.changed();
    return "taken";
  }

  /** Bring what came into the tree. */
  private draw(): void {
    const { tree } = this.draft;
    for (const reply of this.fresh) {
      const message = tree.get(reply.turn.message_id);
      // One that is not shown yet is drawn when it is.
      if (!message) continue;
      this.fresh.delete(reply);
      if (isSettled(message)) continue;
      tree.put(reply.drawn(message));
      if (!reply.end) continue;
      this.turns.set(reply.turn.number, null);
      this.own.delete(message.id);
      this.hooks.ended(reply.turn);
    }
  }

  /** Show a reply that was begun elsewhere, and what it answers. */
  private async attach(turn: Turn): Promise<void> {
    const { tree } = this.draft;
    if (!tree.has(turn.message_id)) tree.put(replyOf(turn), replyOrder(turn.number));
    if (!tree.has(turn.prompt_id)) {
      const stored = await this.hooks.fetch(turn.prompt_id);
      if (stored === null) return;
      if (stored === "gone") {
        tree.remove(turn.message_id);
        this.turns.set(turn.number, null);
        return;
      }
      this.store(stored);
    }
    if (this.leadsOn(turn)) tree.show(turn.message_id);
    this.hooks.began(turn);
    this.draft.changed();
  }

  /** Whether the branch shown moves to a reply: it goes on from its end, or is a new version of its last exchange. */
  private leadsOn(turn: Turn): boolean {
    const { tree } = this.draft;
    const prompt = tree.get(turn.prompt_id);
    const end = tree.end;
    if (!prompt || end?.id === turn.message_id) return false;
    if (!end || prompt.id === end.id || prompt.parentId === end.id) return true;
    if (this.hooks.busy() || this.own.has(end.id)) return false;
    const last = end.role === "user" ? end : tree.get(end.parentId);
    return last !== undefined && (prompt.id === last.id || prompt.parentId === last.parentId);
  }
}
