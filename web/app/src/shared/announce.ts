type Listener = (text: string) => void;
const listeners = new Set<Listener>();

/** Have a screen reader say it, politely: after what it is saying. For what nobody can overlook use a toast. */
export function announce(text: string): void {
  for (const listener of listeners) listener(text);
}

/** For the page's one live region. Returns how to stop listening. */
export function onAnnounce(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
