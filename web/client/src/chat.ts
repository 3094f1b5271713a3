import { createStore, type StoreApi } from "zustand/vanilla";
import type { Api } from "./api.js";
import type { SessionCache } from "./caching.js";
import { Connection } from "./connection.js";
import { Conversation } from "./conversation.js";
import { newId } from "./ids.js";
import { type Choice, titleOf } from "./outgoing.js";
import type { OutboxStorage } from "./outbox.js";
import { EMPTY } from "./session_draft.js";
import type { ChatMessage, SessionState, Versions } from "./session_state.js";
import type { Session } from "./types.js";

export type { SessionCache } from "./caching.js";
export type { Choice } from "./outgoing.js";

export interface ChatOptions {
  api: Api;
  /** How the server is reached; shared with the Api, it also tells of its requests. */
  connection?: Connection;
  cache?: SessionCache;
  /** Where what is sent is kept until the server has it; without, a reload loses what is on its way. */
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
  private conversation: Conversation | null = null;
  private visible = true;

  constructor(private readonly options: ChatOptions) {
    this.connection = options.connection ?? new Connection();
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
    this.store.setState(EMPTY, true);
  }

  /** Say something at the end of the branch shown; in a new conversation this makes the session. */
  send(text: string, choice: Choice = {}): void {
    const { conversation } = this;
    if (conversation) {
      conversation.outgoing.say(text, conversation.outgoing.lastReply(), choice, this.unmade(conversation));
      conversation.draft.publish();
      return;
    }
    const title = titleOf(text);
    const begun = this.enter(newId("ses_"));
    begun.begin(title);
    begun.outgoing.say(text, null, choice, title);
    begun.draft.publish();
  }

  /** Say a message in other words: a version of it, answered anew. */
  edit(messageId: string, text: string, choice: Choice = {}): void {
    this.with(messageId, (message, conversation) => {
      if (message.role !== "user") return;
      const { outgoing } = conversation;
      const { parentId } = message;
      outgoing.discard(message);
      outgoing.say(text, parentId, choice, this.unmade(conversation));
    });
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
   * `regenerate` does; without, the same as before.
   */
  retry(messageId: string, choice: Choice = {}): void {
    this.with(messageId, (message, { outgoing }) => {
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
      else if (this.unmade(conversation) !== undefined) this.startNew();
      else tree.endAt(null);
    });
  }

  /** Stop the reply under way on the branch shown. What there is of it is kept. */
  stop(): void {
    const running = this.conversation?.draft.running;
    if (running) this.conversation?.outgoing.stop(running);
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
    if (!this.options.connection) this.connection.close();
  }

  private enter(id: string): Conversation {
    this.leave();
    const { api, cache, storage, onSession } = this.options;
    const { connection, store } = this;
    this.conversation = new Conversation(id, { api, connection, store, cache, storage, onSession });
    this.conversation.setVisible(this.visible);
    return this.conversation;
  }

  private leave(): void {
    this.conversation?.close();
    this.conversation = null;
  }

  /** The title of a session that is still to be made. */
  private unmade(conversation: Conversation): string | undefined {
    return conversation.isMade ? undefined : conversation.draft.title;
  }

  private with(messageId: string, act: (message: ChatMessage, conversation: Conversation) => void): void {
    const { conversation } = this;
    const message = conversation?.draft.tree.get(messageId);
    if (!conversation || !message) return;
    act(message, conversation);
    conversation.draft.publish();
  }
}

/** Whether a reply would be another bot's: its message has to be said to that one. */
function isAnotherBot(reply: ChatMessage, { bot }: Choice): boolean {
  return bot !== undefined && reply.role === "assistant" && bot !== reply.sender;
}
