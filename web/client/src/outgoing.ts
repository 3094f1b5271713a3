import type { Api } from "./api.js";
import { backOff } from "./back_off.js";
import type { Connection } from "./connection.js";
import { type ApiError, apiError } from "./errors.js";
import { newId } from "./ids.js";
import { isSettled, localPrompt, localReply, underWay } from "./messages/message.js";
import { type Outbox, OUTBOX_ENTRIES, type OutboxEntry } from "./outbox.js";
import type { Replies } from "./replies.js";
import { Sender } from "./sender.js";
import type { SessionDraft } from "./session_draft.js";
import type { ChatMessage } from "./session_state.js";
import type { Fault, Session, Turn } from "./types.js";

/** Who answers: a bot, a model, or a bot with another model. Neither: the server's usual bot. */
export interface Choice {
  bot?: string;
  model?: string;
}

export interface OutgoingHooks {
  created(session: Session): void;
  /** The server says that there is no such session, or nothing of that name in it. */
  notFound(): void;
}

const LONGEST_TITLE = 80;

/** What this reader says in a session: shown at once, and sent until the server has it. */
export class Outgoing {
  readonly sender: Sender;
  /** What the server refused, by the id of the message that shows it. */
  private readonly refusals = new Map<string, OutboxEntry>();
  private readonly sentAt = new Map<string, number>();
  /** Keys of what shall be stopped as soon as the server has it. */
  private readonly stopping = new Set<string>();
  private readonly ended = new AbortController();

  constructor(
    private readonly api: Api,
    private readonly connection: Connection,
    private readonly draft: SessionDraft,
    private readonly replies: Replies,
    private readonly outbox: Outbox,
    private readonly hooks: OutgoingHooks,
  ) {
    this.sender = new Sender(api, connection, draft.id, outbox, {
      ready: (entry) => this.ready(entry),
      created: (session) => this.hooks.created(session),
      accepted: (entry, turn) => this.accepted(entry, turn),
      refused: (entry, error) => this.refused(entry, faultOf(error), error.status === 404),
      putOff: () => this.replies.release(),
    });
  }

  /** Say something after a reply; null: at the beginning. `title`: of the session, which has to be made first. */
  say(text: string, parent: string | null, choice: Choice, title?: string): void {
    const common = { kind: "message" as const, text, parent, promptId: newId("local-"), ...choice };
    this.begin({ ...common, ...this.marks(), ...(title === undefined ? {} : { title }) });
  }

  /** Have a message answered once more. */
  answerAgain(prompt: ChatMessage, turnId: string, choice: Choice): void {
    const common = { kind: "regenerate" as const, text: "", parent: prompt.parentId, promptId: prompt.id, turnId };
    this.begin({ ...common, ...this.marks(), ...choice });
  }

  /** Send what was refused once more, to whom the choice names if it names anybody; tells whether there is such a message. */
  retry(message: ChatMessage, choice: Choice): boolean {
    const entry = this.refusalOf(message);
    if (!entry) return false;
    this.forget(entry);
    // The refused key stands for nothing, or for something else.
    const again = { ...entry, key: newId("key-") };
    delete again.fault;
    if (choice.bot !== undefined || choice.model !== undefined) {
      delete again.bot;
      delete again.model;
      Object.assign(again, choice);
    }
    this.begin(again);
    return true;
  }

  /** Take back what was refused, and what was to follow it. Returns its parent, undefined: there is no such message. */
  discard(message: ChatMessage): string | null | undefined {
    const entry = this.refusalOf(message);
    if (!entry) return undefined;
    this.forget(entry);
    for (const following of this.draft.tree.childrenOf(entry.replyId)) {
      const next = this.draft.tree.get(following);
      if (next) this.discard(next);
    }
    this.draft.tree.remove(entry.replyId);
    if (entry.kind === "regenerate") return entry.promptId;
    this.draft.tree.remove(entry.promptId);
    return entry.parent;
  }

  /** Take up what was sent before the page was loaded and not answered. */
  restore(): void {
    const entries = this.outbox.entries();
    const awaited = new Set(entries.map((entry) => entry.replyId));
    for (const entry of entries) {
      const { parent } = entry;
      // What it was to follow was sent, and its id here is known no more.
      if (parent?.startsWith("local-") && !awaited.has(parent)) entry.parent = this.lastReply();
      if (this.draft.tree.get(entry.replyId)) continue;
      if (entry.fault) this.showRefused(entry, entry.fault);
      else {
        if (!this.isStored(entry)) this.show(entry);
        this.sender.add(entry);
      }
    }
  }

  /** Stop a reply: now, or when the server has what it answers. */
  stop(reply: ChatMessage): void {
    if (reply.turnId !== null) void this.cancel(reply.turnId, reply.id);
    else this.stopping.add(reply.id);
  }

  /** The reply that something said now would follow. */
  lastReply(): string | null {
    const { tree } = this.draft;
    for (const message of tree.fromEnd()) {
      if (message.role !== "assistant" || message.status === "unsent") continue;
      if (!this.refusals.has(message.id)) return message.id;
      // One that was not made again: its other version is there.
      const other = tree.versions(message.id).ids.findLast((id) => !this.refusals.has(id));
      if (other !== undefined) return other;
    }
    return null;
  }

  close(): void {
    this.ended.abort();
    this.sender.close();
  }

  private marks(): Pick<OutboxEntry, "key" | "replyId" | "createdAt"> {
    return { key: newId("key-"), replyId: newId("local-"), createdAt: Date.now() };
  }

  private begin(entry: OutboxEntry): void {
    this.sentAt.set(entry.key, performance.now());
    this.show(entry);
    if (this.sender.waiting < OUTBOX_ENTRIES) this.sender.add(entry);
    else this.refused(entry, { code: "outbox_full", message: `${OUTBOX_ENTRIES} messages already wait to be sent. Wait until the server is reached.` }, false);
  }

  private show(entry: OutboxEntry): void {
    const { tree } = this.draft;
    const before = tree.get(entry.promptId);
    if (entry.kind === "message") {
      const prompt = localPrompt(entry.promptId, entry.text, entry.parent, entry.createdAt);
      tree.put(before ? { ...before, status: "sending", fault: null } : prompt);
    }
    tree.put(localReply(entry.replyId, entry.bot ?? entry.model ?? "", entry.promptId, entry.createdAt));
    tree.show(entry.replyId);
  }

  /** Whether the server seems to have got it before the page was loaded: to show it as well would make it two. */
  private isStored(entry: OutboxEntry): boolean {
    const { tree } = this.draft;
    const following = (id: string | null): ChatMessage[] => tree.childrenOf(id).flatMap((child) => tree.get(child) ?? []);
    if (entry.kind === "regenerate") return following(entry.promptId).some(underWay);
    return following(entry.parent).some((message) => message.turnId !== null && message.content === entry.text);
  }

  private ready(entry: OutboxEntry): boolean {
    const { tree } = this.draft;
    const before = tree.get(entry.parent);
    if (before) return isSettled(before);
    return entry.parent === null || !entry.parent.startsWith("local-");
  }

  private accepted(entry: OutboxEntry, turn: Turn): void {
    const { tree } = this.draft;
    this.replies.adopt(entry, turn, this.sentAt.get(entry.key) ?? null);
    this.sentAt.delete(entry.key);
    this.sender.renamed(entry.replyId, turn.message_id);
    for (const refused of this.refusals.values()) if (refused.parent === entry.replyId) refused.parent = turn.message_id;
    for (const id of tree.childrenOf(entry.replyId)) {
      const following = tree.get(id);
      if (following) tree.put({ ...following, parentId: turn.message_id });
    }
    if (this.stopping.delete(entry.replyId)) void this.cancel(turn.id, turn.message_id);
    if (!this.sender.undecided) this.replies.release();
    this.draft.publish();
  }

  private refused(entry: OutboxEntry, fault: Fault, notFound: boolean): void {
    this.stopping.delete(entry.replyId);
    this.showRefused(entry, fault);
    for (const next of this.sender.withdraw((other) => other.parent === entry.replyId)) {
      this.refused(next, { code: "not_sent", message: "The message before it was not sent. Send that one first." }, false);
    }
    this.replies.release();
    if (notFound) this.hooks.notFound();
    this.draft.publish();
  }

  private showRefused(entry: OutboxEntry, fault: Fault): void {
    const { tree } = this.draft;
    if (entry.kind === "regenerate") {
      this.outbox.remove(entry.key);
      const reply = tree.get(entry.replyId);
      this.refusals.set(entry.replyId, entry);
      if (reply) tree.put({ ...reply, status: "failed", fault });
      return;
    }
    entry.fault = fault;
    this.outbox.put(entry);
    this.refusals.set(entry.promptId, entry);
    const shown = tree.get(entry.promptId) ?? localPrompt(entry.promptId, entry.text, entry.parent, entry.createdAt);
    tree.put({ ...shown, status: "unsent", fault });
    // Nothing is awaited any more; where something follows it holds the branch together.
    const reply = tree.get(entry.replyId);
    if (reply && tree.childrenOf(entry.replyId).length) tree.put({ ...reply, status: "unsent" });
    else tree.remove(entry.replyId);
    tree.show(entry.promptId);
  }

  private refusalOf(message: ChatMessage): OutboxEntry | undefined {
    return this.refusals.get(message.id) ?? (message.role === "assistant" ? this.refusals.get(message.parentId ?? "") : undefined);
  }

  private forget(entry: OutboxEntry): void {
    this.refusals.delete(entry.kind === "message" ? entry.promptId : entry.replyId);
    this.outbox.remove(entry.key);
  }

  /** Ask until the server has heard it, or the reply has ended. */
  private async cancel(turnId: string, replyId: string): Promise<void> {
    for (let failures = 1; !this.ended.signal.aborted; failures++) {
      const reply = this.draft.tree.get(replyId);
      if (!reply || isSettled(reply)) return;
      const error = await this.api.cancel(turnId).then(() => null, apiError);
      if (!error?.passing) return;
      await this.connection.pause(Math.max(backOff(failures), error.waitMs), this.ended.signal);
    }
  }
}

/** The title of a session that begins with this text: its first line, without what marks it up. */
export function titleOf(text: string): string {
  const line = text.replace(/^[\s#>*-]+/, "").split("\n")[0] ?? "";
  return Array.from(line).slice(0, LONGEST_TITLE).join("").trim();
}

function faultOf(error: ApiError): Fault {
  return { code: error.code, message: error.message, ...(error.retryAfter === null ? {} : { retry_after: error.retryAfter }) };
}
