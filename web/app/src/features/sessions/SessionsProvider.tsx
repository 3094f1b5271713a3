import type { ApiError, Session, SessionItem, Waiting } from "@antiphon/client";
import { createContext, useContext, useEffect, useEffectEvent, useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useStore } from "zustand";
import { createStore, type StoreApi } from "zustand/vanilla";
import { useErrorText } from "../../shared/errors.js";
import { useServer } from "../../shared/server.js";
import { onSession } from "../../shared/session_news.js";
import { toast } from "../../shared/ui/toasts.js";
import { Deletions } from "./deletions.js";
import { followRunning } from "./running.js";
import { withUnmade } from "./merge.js";
import { SessionList, type SessionListState } from "./session_list.js";
import { onOtherTabs, tellOtherTabs } from "./tabs.js";
import type { Undoing } from "./undoing.js";
import { useUndoing } from "./useUndoing.js";

interface Sessions {
  list: SessionList;
  deletions: Deletions;
  undoing: Undoing;
  /** The session that was open when it was last told of one; by now another may be. */
  told: StoreApi<Session | null>;
}

const Context = createContext<Sessions | null>(null);

/** Keeps the list as the server has it: at the start, when another tab changed something, when the reader comes back. */
function useFresh(list: SessionList): void {
  const { chat, connection, server } = useServer();
  useEffect(() => {
    if (server.kind === "board") return;
    const refresh = (): void => void list.refresh();
    const stop = new AbortController();
    const back = (): void => {
      if (document.visibilityState === "visible") refresh();
    };
    document.addEventListener("visibilitychange", back, { signal: stop.signal });
    addEventListener("focus", back, { signal: stop.signal });
    const found = connection.store.subscribe((now, before) => {
      if (now.status === "connected" && before.status !== "connected") refresh();
    });
    const ends = [found, onSession((session) => list.put(session)), onOtherTabs(list.base, refresh), followRunning(list, chat)];
    refresh();
    return () => {
      stop.abort();
      for (const end of ends) end();
    };
  }, [list, chat, connection, server.kind]);
}

/** Carries out deletions, of all servers, for as long as the page is open. */
function useDeletions(list: SessionList): Deletions {
  const { t } = useTranslation("shell");
  const errorText = useErrorText();
  const { chat } = useServer();
  const [deletions] = useState(() => new Deletions());
  const onRefused = useEffectEvent((error: ApiError) => {
    const { text, detail } = errorText(error);
    toast(t("sessions.notDeleted"), { error: true, detail: `${text} ${detail}` });
  });
  const onDone = useEffectEvent((base: string, id: string) => {
    if (base !== list.base) return;
    list.removed(id);
    chat.dropUnsent(id);
  });
  useEffect(() => deletions.start({ onRefused: (error) => onRefused(error), onDone: (base, id) => onDone(base, id) }), [deletions]);
  return deletions;
}

/** Holds what is told of the open session, whatever page is shown meanwhile. */
function useTold(): StoreApi<Session | null> {
  const { chat } = useServer();
  const [told] = useState(() => createStore<Session | null>(() => null));
  useEffect(() => onSession((session) => session.id === chat.store.getState().id && told.setState(session, true)), [chat, told]);
  return told;
}

/** What the list of sessions, its shortcuts and its menus work on. */
export function SessionsProvider({ children }: { children: ReactNode }): ReactNode {
  const { api, server } = useServer();
  const list = useMemo(() => new SessionList(api, server.url, () => tellOtherTabs(server.url)), [api, server.url]);
  useFresh(list);
  const deletions = useDeletions(list);
  const undoing = useUndoing(deletions);
  const told = useTold();
  const value = useMemo(() => ({ list, deletions, undoing, told }), [list, deletions, undoing, told]);
  return <Context value={value}>{children}</Context>;
}

export function useSessions(): Sessions {
  const context = useContext(Context);
  if (context === null) throw new Error("useSessions needs a SessionsProvider around it.");
  return context;
}

export function useListState<T>(select: (state: SessionListState) => T): T {
  return useStore(useSessions().list.store, select);
}

/** What waits to be sent, by the session's id. */
export function useWaiting(): ReadonlyMap<string, Waiting> {
  return useStore(useServer().chat.outboxes);
}

/** The sessions to show: with those that exist only here, without those that are being deleted. */
export function useShown(): readonly SessionItem[] {
  const { list, deletions } = useSessions();
  const state = useListState((now) => now);
  const waiting = useWaiting();
  const sessions = useMemo(() => withUnmade(state, waiting), [state, waiting]);
  const pending = useStore(deletions.store);
  return useMemo(() => {
    const gone = new Set(pending.filter(({ base }) => base === list.base).map(({ id }) => id));
    return gone.size === 0 ? sessions : sessions.filter(({ id }) => !gone.has(id));
  }, [sessions, pending, list]);
}
