import type { Chat } from "@antiphon/client";
import type { SessionList } from "./session_list.js";

/** How often the list is asked for while a reply is under way in a session that is not open, in milliseconds. */
export const ASK_MS = 5000;

/** How often otherwise: what was made, renamed or deleted on another device is seen no later, in milliseconds. */
export const REST_MS = 30_000;

/**
 * Keeps the marks of replies under way: the open session's as this page sees it, the others' as the server tells.
 * Without any mark it is asked seldom. Returns how to stop.
 */
export function followRunning(list: SessionList, chat: Chat): () => void {
  const unfollow = chat.store.subscribe((now, before) => {
    const changed = now.id !== before.id || now.running !== before.running || now.phase !== before.phase;
    if (changed && now.id !== null && now.phase === "ready") list.mark(now.id, now.running !== null);
  });
  let asking = false;
  let last = Date.now();
  const timer = setInterval(() => {
    const { phase, query, sessions, loadingMore } = list.store.getState();
    const open = chat.store.getState().id;
    const elsewhere = sessions.some(({ id, running }) => running === true && id !== open);
    if (!elsewhere && Date.now() - last < REST_MS) return;
    // Not while a search is shown: that is looked through anew each time; and older ones being read would be dropped.
    if (asking || loadingMore || phase !== "ready" || query !== "" || document.visibilityState !== "visible" || !navigator.onLine) return;
    asking = true;
    last = Date.now();
    void list.refresh().finally(() => (asking = false));
  }, ASK_MS);
  return () => {
    unfollow();
    clearInterval(timer);
  };
}
