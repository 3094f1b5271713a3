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
  /** Whether it is known what there is in the session. Until then only what follows a reply that is here is sent. */
  known(): boolean;
  created(session: Session): void;
  /** The server says that there is no such session, or nothing of that name in it. */
  notFound(): void;
}

const LONGEST_TITLE = 80;
/** The parent of what was said before the session was read. */
const NEWEST = "local-newest";
const GONE: Fault = { code: "not_found", message: "The conversation is gone. Send this again to begin a new one with it." };

/** What this reader says in a session: shown at once, and sent until the server has it. */
export class Outgoing {
  readonly sender: Sender;
  /** What the server refused, by the id of the message that shows it. */
  private readonly refusals = new Map<string, OutboxEntry>();
  private readonly sentAt = new Map<string, number>();
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
      // Who cannot be reached may have it: what is to be stopped then is stopped when it is known.
      recalled: (entry, { status }) => (status !== 0 && draft.stopping.has(entry.replyId)) || outbox.faultOf(entry.key) !== undefined,
      putOff: () => this.replies.release(),
    });
  }

  /**
   * Say something after a reply; null: at the beginning. `title`: of the session, which has to be made first.
   * False: as many messages wait as may, and this one was not taken.
   */
  say(text: string, parent: string | null, choice: Choice, title?: string): boolean {
    if (this.isFull) return false;
    const common = { kind: "message" as const, text, parent, promptId: newId("local-"), ...choice };
    this.begin({ ...common, ...this.marks(), ...(title === undefined ? {} : { title }) });
    return true;
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
    // What was refused may have been taken all the same, at a try whose answer was lost: by its key it is found.
    const key = entry.fault?.code === "conflict" ? newId("key-") : entry.key;
    const again = { ...entry, key };
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
    for (const next of this.following(entry.replyId)) this.discard(next);
    this.draft.tree.remove(entry.replyId);
    if (entry.kind === "regenerate") return entry.promptId;
    this.draft.tree.remove(entry.promptId);
    return entry.parent;
  }

  /**
   * Take what was refused, and what was to follow it, away from this session, in the order in which it was said.
   * Nothing, if the message was not refused.
   */
  take(message: ChatMessage): { text: string; choice: Choice }[] {
    const entry = this.refusalOf(message);
    if (entry?.kind !== "message") return [];
    const { text, bot, model, replyId } = entry;
    const choice = { ...(bot === undefined ? {} : { bot }), ...(model === undefined ? {} : { model }) };
    this.forget(entry);
    return [{ text, choice }, ...this.following(replyId).flatMap((next) => this.take(next))];
  }

  /** The session is known now: what was said before that takes its place after its newest reply. */
  settle(): void {
    const { tree } = this.draft;
    const early = this.sender.withdraw(() => true);
    for (const { promptId, replyId, kind } of early) {
      tree.remove(replyId);
      if (kind === "message") tree.remove(promptId);
    }
    if (early.length) tree.endAt(tree.newest());
    this.restore();
  }

  /** The session is gone: what was said in it and not sent stays, to be said elsewhere. */
  giveUp(): void {
    const { tree } = this.draft;
    this.sender.withdraw(() => true);
    const entries = this.outbox.entries().filter((entry) => !this.sender.has(entry.key));
    const awaited = new Set(entries.map((entry) => entry.replyId));
    for (const entry of entries) {
      if (entry.parent !== null && !tree.get(entry.parent) && !awaited.has(entry.parent)) entry.parent = NEWEST;
      if (entry.kind === "message" && !tree.get(entry.promptId)) this.show(entry);
    }
    for (const entry of entries) this.showRefused(entry, entry.fault ?? GONE);
  }

  /** Take up what was sent before the page was loaded and not answered, and what was refused then. */
  restore(refused = true): void {
    const entries = this.outbox.entries();
    const awaited = new Set(entries.map((entry) => entry.replyId));
    for (const entry of entries) {
      const { parent } = entry;
      if (this.sender.has(entry.key) || this.refusals.has(entry.promptId)) continue;
      // What it was to follow was sent, and its id here is known no more.
      if (parent?.startsWith("local-") && !awaited.has(parent)) entry.parent = this.newestReply();
      if (this.draft.tree.get(entry.replyId)) continue;
      if (entry.fault && refused) this.showRefused(entry, entry.fault);
      if (!entry.fault) {
        if (!this.isStored(entry)) this.show(entry);
        this.sender.add(entry);
      }
    }
  }

  /** Send what another tab said and has not sent; the branch shown stays. What was refused is decided on there. */
  takeUp(): void {
    const { tree } = this.draft;
    const { end } = tree;
    tree.endAt(tree.newest());
    this.restore(false);
    if (end && !tree.path.includes(end.id)) tree.endAt(end.id);
  }

  /** What was refused or stopped in another tab is not sent from here either. */
  heed(): void {
    this.sender.recall();
    for (const { key, fault } of this.outbox.entries()) {
      if (!fault) continue;
      for (const entry of this.sender.withdraw((other) => other.key === key)) this.refused(entry, fault, false);
    }
  }

  /** Stop a reply: now, or when the server has what it answers. What waits to be sent again is not sent. */
  stop(reply: ChatMessage): void {
    const { stopping } = this.draft;
    if (stopping.has(reply.id)) return;
    stopping.add(reply.id);
    if (reply.turnId !== null) void this.cancel(reply.turnId, reply.id);
    else this.sender.recall();
  }

  /** The same as `lastReply`; of a session that is not known yet the one it turns out to be. */
  newestReply(): string | null {
    const known = this.hooks.known();
    // Behind a message without its reply there is more than is here.
    if (!known && this.draft.tree.end?.role !== "assistant") return NEWEST;
    return this.lastReply() ?? (known ? null : NEWEST);
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
    if (entry.parent === NEWEST) entry.parent = this.newestReply();
    this.show(entry);
    if (!this.isFull) this.sender.add(entry);
    else this.refused(entry, { code: "outbox_full", message: `${OUTBOX_ENTRIES} messages already wait to be sent. Wait until the server is reached.` }, false);
  }

  private get isFull(): boolean {
    return this.outbox.entries().length >= OUTBOX_ENTRIES;
  }

  private following(id: string | null): ChatMessage[] {
    const { tree } = this.draft;
    return tree.childrenOf(id).flatMap((child) => tree.get(child) ?? []);
  }

  /** Its message as it is shown: at the end, until it is known what it follows. */
  private promptOf({ promptId, text, parent, createdAt }: OutboxEntry): ChatMessage {
    return localPrompt(promptId, text, parent === NEWEST ? (this.draft.tree.end?.id ?? null) : parent, createdAt);
  }

  private show(entry: OutboxEntry): void {
    const { tree } = this.draft;
    const before = tree.get(entry.promptId);
    if (entry.kind === "message") {
      tree.put(before ? { ...before, status: "sending", fault: null } : this.promptOf(entry));
    }
    tree.put(localReply(entry.replyId, entry.bot ?? entry.model ?? "", entry.promptId, entry.createdAt));
    tree.show(entry.replyId);
  }

  /** Whether the server seems to have got it before the page was loaded: to show it as well would make it two. */
  private isStored(entry: OutboxEntry): boolean {
    if (entry.kind === "regenerate") return this.following(entry.promptId).some(underWay);
    return this.following(entry.parent).some((message) => message.turnId !== null && message.content === entry.text);
  }

  private ready(entry: OutboxEntry): boolean {
    const { tree } = this.draft;
    const before = tree.get(entry.parent);
    if (before) return isSettled(before);
    return this.hooks.known() && !entry.parent?.startsWith("local-");
  }

  private accepted(entry: OutboxEntry, turn: Turn): void {
    const { tree } = this.draft;
    this.replies.adopt(entry, turn, this.sentAt.get(entry.key) ?? null);
    this.sentAt.delete(entry.key);
    this.sender.renamed(entry.replyId, turn.message_id);
    for (const refused of this.refusals.values()) if (refused.parent === entry.replyId) refused.parent = turn.message_id;
    for (const following of this.following(entry.replyId)) tree.put({ ...following, parentId: turn.message_id });
    if (this.draft.stopping.delete(entry.replyId)) {
      this.draft.stopping.add(turn.message_id);
      void this.cancel(turn.id, turn.message_id);
    }
    if (!this.sender.undecided) this.replies.release();
    this.draft.publish();
  }

  private refused(entry: OutboxEntry, fault: Fault, notFound: boolean): void {
    this.draft.stopping.delete(entry.replyId);
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
    entry.fault = fault;
    if (entry.kind === "regenerate") {
      this.outbox.remove(entry.key);
      const reply = tree.get(entry.replyId);
      this.refusals.set(entry.replyId, entry);
      if (reply) tree.put({ ...reply, status: "failed", fault });
      return;
    }
    this.outbox.put(entry);
    this.refusals.set(entry.promptId, entry);
    const shown = tree.get(entry.promptId) ?? this.promptOf(entry);
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
      if (!error) return;
      if (!error.passing) {
        this.draft.stopping.delete(replyId);
        this.draft.changed();
        return;
      }
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
