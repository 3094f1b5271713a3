import type { Session } from "@antiphon/client";

type Listener = (session: Session) => void;
const listeners = new Set<Listener>();

/** Tell that the open conversation was created, renamed or used. */
export function tellSession(session: Session): void {
  for (const listener of listeners) listener(session);
}

/** Returns how to stop listening. */
export function onSession(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
