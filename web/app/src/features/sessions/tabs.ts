/** Tells the browser's other pages that sessions of a server have changed. */
const channel = new BroadcastChannel("antiphon.sessions");

export function tellOtherTabs(base: string): void {
  channel.postMessage(base);
}

/** Returns how to stop listening. */
export function onOtherTabs(base: string, changed: () => void): () => void {
  const listener = (event: MessageEvent): void => {
    if (event.data === base) changed();
  };
  channel.addEventListener("message", listener);
  return () => channel.removeEventListener("message", listener);
}
