import type { Chat, ChatMessage } from "@antiphon/client";
import { useEffect } from "react";
import type { StoreApi } from "zustand/vanilla";
import { editName } from "../../../shared/drafts.js";
import { useChat, useServer } from "../../../shared/server.js";
import { readJson } from "../../../shared/storage.js";
import { beginEdit, type Intent } from "../context.js";
import { Kept } from "../kept.js";

/** An edit that was not sent: the message by its id, as keys are this page's own, and what it was changed to so far. */
interface KeptEdit {
  id: string;
  text: string | null;
}

function read(name: string): KeptEdit | null {
  const kept = readJson(name, null);
  if (typeof kept !== "object" || kept === null) return null;
  const { id, text } = kept as Record<string, unknown>;
  return typeof id === "string" && (typeof text === "string" || text === null) ? { id, text } : null;
}

/** Bring an edit back as soon as its message is here, unless another is begun before. Returns how to stop waiting. */
function bringBack(chat: Pick<Chat, "store" | "show">, intent: StoreApi<Intent>, { id, text }: KeptEdit): () => void {
  let stop: () => void = () => undefined;
  const look = (): boolean => {
    const message = chat.store.getState().messages.get(id);
    if (message === undefined && intent.getState().editing === null) return false;
    stop();
    if (message?.status !== "complete" || intent.getState().editing !== null) return true;
    // It may be on another branch than the newest, which is the one that a page begins with.
    if (!chat.store.getState().path.includes(id)) chat.show(id);
    beginEdit(intent, message.key, text);
    return true;
  };
  if (!look()) stop = chat.store.subscribe(look);
  return () => stop();
}

/** Keep the edit of a conversation under a name for as long as it is not sent or left. Returns how to stop. */
export function keepEdit(chat: Pick<Chat, "store" | "show">, intent: StoreApi<Intent>, name: string): () => void {
  const kept = new Kept();
  const before = read(name);
  const byKey = (key: string): ChatMessage | undefined => [...chat.store.getState().messages.values()].find((message) => message.key === key);
  const unfollow = intent.subscribe(({ editing, edited }, old) => {
    if (editing === old.editing && edited === old.edited) return;
    const message = editing === null ? undefined : byKey(editing);
    kept.set(name, message === undefined ? "" : JSON.stringify({ id: message.id, text: edited } satisfies KeptEdit));
  });
  const giveUp = before === null ? () => undefined : bringBack(chat, intent, before);
  const flush = (): void => kept.flush();
  addEventListener("pagehide", flush);
  return () => {
    removeEventListener("pagehide", flush);
    flush();
    giveUp();
    unfollow();
  };
}

/** What a reload or another conversation interrupted comes back in its place. */
export function useKeptEdit(intent: StoreApi<Intent>): void {
  const { chat, server } = useServer();
  const session = useChat((state) => state.id);
  useEffect(() => (session === null ? undefined : keepEdit(chat, intent, editName(server.url, session))), [chat, intent, server.url, session]);
}
