import type { Session } from "@antiphon/client";
import { useStore } from "zustand";
import { useChat } from "../../shared/server.js";
import { useSessions, useShown } from "./SessionsProvider.js";

/** The session of the open conversation: as it was told last, else as the list has it. Null where there is none. */
export function useOpened(): Session | null {
  const id = useChat((state) => (state.phase === "missing" ? null : state.id));
  const told = useStore(useSessions().told);
  const listed = useShown().find((session) => session.id === id);
  return id === null ? null : told?.id === id ? told : (listed ?? null);
}
