import { afterEach, vi } from "vitest";
import { Api } from "../src/api.js";
import { Chat, type ChatOptions } from "../src/chat.js";
import type { ChatMessage, SessionState } from "../src/session_state.js";
import { type FakeServer, until } from "./fake_server.js";

// Back-off takes its time, and the machine may be busy.
vi.setConfig({ testTimeout: 30_000 });

const chats: Chat[] = [];
afterEach(() => {
  for (const chat of chats.splice(0)) chat.close();
});

/** A chat that is closed when the test is over. */
export function chatWith(options: ChatOptions): Chat {
  const chat = new Chat(options);
  chats.push(chat);
  return chat;
}

export function chatOn(server: FakeServer, options: Partial<ChatOptions> = {}): Chat {
  return chatWith({ api: new Api({ fetch: server.fetch }), ...options });
}

/** One that has the server's session open and follows it. */
export async function opened(server: FakeServer, options: Partial<ChatOptions> = {}): Promise<Chat> {
  const chat = chatOn(server, options);
  const followed = server.followed.length;
  await chat.open("s");
  await until(() => server.followed.length > followed);
  return chat;
}

export const now = (chat: Chat): SessionState => chat.store.getState();
export const shown = (chat: Chat): ChatMessage[] => now(chat).path.flatMap((id) => now(chat).messages.get(id) ?? []);
export const texts = (chat: Chat): string[] => shown(chat).map((message) => message.content);
export const last = (chat: Chat): ChatMessage | undefined => shown(chat).at(-1);

/** A `Storage` of its own. */
export class MemoryStorage {
  readonly items = new Map<string, string>();
  getItem = (name: string): string | null => this.items.get(name) ?? null;
  setItem = (name: string, value: string): void => void this.items.set(name, value);
  removeItem = (name: string): void => void this.items.delete(name);
  keys = (): string[] => [...this.items.keys()];
}
