import { createStore, type StoreApi } from "zustand/vanilla";
import type { Api } from "./api.js";
import type { SessionCache } from "./caching.js";
import { Connection } from "./connection.js";
import { Conversation, type Surroundings } from "./conversation.js";
import { newId } from "./ids.js";
import { type Choice, titleOf } from "./outgoing.js";
import { OutboxShelf, type OutboxStorage } from "./outbox.js";
import { Outboxes } from "./outboxes.js";
import { EMPTY } from "./session_draft.js";
import type { ChatMessage, SessionState, Versions, Waiting } from "./session_state.js";
import type { Session } from "./types.js";

export type { SessionCache } from "./caching.js";
export type { Choice } from "./outgoing.js";

export interface ChatOptions {
  api: Api;
  /** How the server is reached; shared with the Api, it also tells of its requests. */
  connection?: Connection;
  cache?: SessionCache;
  /**
   * Where what is sent is kept until the server has it; without, a reload loses what is on its way. It is of one
   * server and one reader: what is found there is sent, whatever session it was said in.
   */
  storage?: OutboxStorage;
  /** A session was made, read, renamed or used. */
  onSession?: (session: Session) => void;
}

/**
 * A reader's conversation: one session at a time, as state to draw (`store`) and what can be done with it.
 * Actions show their effect at once and never throw; those that return a promise reject with ApiError.
 */
export class Chat {
  readonly store: StoreApi<SessionState> = createStore<SessionState>(() => EMPTY);
  readonly connection: Connection;
  /** What waits to be sent or to be decided on, by the session's id; also in sessions that exist only here. */
  readonly outboxes: StoreApi<ReadonlyMap<string, Waiting>>;
  private readonly background: Outboxes;
  private readonly around: Surroundings;
  private conversation: Conversation | null = null;
  private visible = true;

  constructor(private readonly options: ChatOptions) {
    const { api, cache, storage, onSession } = options;
    this.connection = options.connection ?? new Connection();
    this.around = { api, connection: this.connection, store: this.store, cache, shelf: new OutboxShelf(storage), onSession };
    this.background = new Outboxes(this.around);
    this.outboxes = this.background.store;
  }

  /** Open a session. Resolves when there is something to show: `phase` is not `loading` any more. */
  open(id: string): Promise<void> {
    // One that is open stays as it is: an address that follows the state must not have it read anew.
    if (this.conversation?.draft.id === id && this.conversation.draft.phase !== "missing") return this.conversation.shown;
    const opened = this.enter(id);
    opened.open();
    return opened.shown;
  }

  /** Leave the session. The next message begins a new one. */
  startNew(): void {
    this.leave();
    this.background.opened(null);
    this.store.setState(EMPTY, true);
  }

  /**
   * Say something at the end of the branch shown; in a new conversation, or where the session is missing, this
   * makes a session. False: 32 messages wait to be sent in this one, and it was not taken.
   */
  send(text: string, choice: Choice = {}): boolean {
    const { conversation } = this;
    if (conversation && !isMissing(conversation)) return conversation.say(text, choice);
    this.begin([{ text, choice }]);
    return true;
  }

  /** Say a message in other words: a version of it, answered anew. False: it was not taken, as with `send`. */
  edit(messageId: string, text: string, choice: Choice = {}): boolean {
    let taken = true;
    this.with(messageId, (message, conversation) => {
      if (message.role !== "user") return;
      const { outgoing } = conversation;
      const { parentId } = message;
      if (isMissing(conversation)) this.begin([{ text, choice }, ...outgoing.take(message).slice(1)]);
      else {
        outgoing.discard(message);
        taken = outgoing.say(text, parentId, choice, conversation.unmade);
      }
    });
    return taken;
  }

  /**
   * Have a message answered once more: a version of the reply. Another model is asked the same way; another
   * bot gets the message as a version of its own.
   */
  regenerate(messageId: string, choice: Choice = {}): void {
    this.with(messageId, (message, { outgoing, draft }) => {
      const prompt = message.role === "user" ? message : draft.tree.get(message.parentId);
      const turnId = message.turnId ?? prompt?.turnId;
      if (!prompt || turnId == null) return;
      if (isAnotherBot(message, choice)) {
        outgoing.say(prompt.content, prompt.parentId, choice);
        return;
      }
      const { model } = choice;
      outgoing.answerAgain(prompt, turnId, model === undefined || model === message.metadata.model ? {} : { model });
    });
  }

  /**
   * Send again what was refused; have a reply that failed made again. With a choice it is asked whom that names, as
   * `regenerate` does; without, the same as before. Where the session is missing a new one begins with it.
   */
  retry(messageId: string, choice: Choice = {}): void {
    this.with(messageId, (message, conversation) => {
      const { outgoing } = conversation;
      if (isMissing(conversation)) {
        const [first, ...following] = outgoing.take(message);
        if (first) this.begin([{ ...first, choice: { ...first.choice, ...choice } }, ...following]);
        return;
      }
      if (isAnotherBot(message, choice) || !outgoing.retry(message, choice)) this.regenerate(message.id, choice);
    });
  }

  /** Take back a message that was refused. */
  discard(messageId: string): void {
    this.with(messageId, (message, conversation) => {
      const { outgoing, draft } = conversation;
      const { tree } = draft;
      const parent = outgoing.discard(message);
      if (parent === undefined) return;
      const end = parent ?? tree.childrenOf(null).at(-1);
      if (end !== undefined) tree.show(end);
      else if (conversation.unmade !== undefined) this.startNew();
      else tree.endAt(null);
    });
  }

  /** Stop the reply under way on the branch shown. What there is of it is kept. */
  stop(): void {
    const { conversation } = this;
    const running = conversation?.draft.running;
    if (!conversation || !running) return;
    conversation.outgoing.stop(running);
    conversation.draft.publish();
  }

  /** Forget what waits to be sent in a session, which may exist only here. */
  dropUnsent(sessionId: string): void {
    if (this.conversation?.draft.id === sessionId) this.startNew();
    this.background.drop(sessionId);
  }

  /** Say what one thinks of a reply; null takes it back. Shown at once, and taken back if it is refused. */
  async rate(messageId: string, rating: "up" | "down" | null): Promise<void> {
    await this.conversation?.rate(messageId, rating);
  }

  versions(messageId: string): Versions {
    return this.conversation?.draft.tree.versions(messageId) ?? { ids: [], at: -1 };
  }

  /** Show the branch of a message, down to its newest end. */
  show(messageId: string): void {
    this.with(messageId, (message, { draft }) => draft.tree.show(message.id));
  }

  /** Read older messages until the branch shown is longer, or all of it is here. */
  async loadOlder(): Promise<void> {
    await this.conversation?.loading.older();
  }

  async rename(title: string): Promise<void> {
    await this.conversation?.rename(title);
  }

  /** Tell whether the page is seen: a hidden one lets go of its connection after 10 s, and resumes when it is seen. */
  setVisible(visible: boolean): void {
    this.visible = visible;
    this.conversation?.setVisible(visible);
  }

  /** Let go of everything. Nothing is published after it. */
  close(): void {
    this.leave();
    this.background.close();
    if (!this.options.connection) this.connection.close();
  }

  /** Begin a session with one message or several, one after the other. */
  private begin(said: readonly { text: string; choice: Choice }[]): void {
    const [first, ...following] = said;
    if (!first) return;
    const begun = this.enter(newId("ses_"));
    begun.begin(titleOf(first.text));
    for (const { text, choice } of [first, ...following]) begun.say(text, choice);
  }

  private enter(id: string): Conversation {
    this.leave();
    this.background.opened(id);
    this.conversation = new Conversation(id, this.around);
    this.conversation.setVisible(this.visible);
    return this.conversation;
  }

  private leave(): void {
    this.conversation?.close();
    this.conversation = null;
  }

  private with(messageId: string, act: (message: ChatMessage, conversation: Conversation) => void): void {
    const { conversation } = this;
    const message = conversation?.draft.tree.get(messageId);
    if (!conversation || !message) return;
    act(message, conversation);
    conversation.draft.publish();
  }
}

/** Whether there is no such session, so that nothing can be said in it. */
function isMissing(conversation: Conversation): boolean {
  return conversation.draft.phase === "missing";
}

/** Whether a reply would be another bot's: its message has to be said to that one. */
function isAnotherBot(reply: ChatMessage, { bot }: Choice): boolean {
  return bot !== undefined && reply.role === "assistant" && bot !== reply.sender;
}
