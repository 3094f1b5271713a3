import { openChannel } from "@antiphon/client";

/** Tells the browser's other pages that sessions of a server have changed; null: they see it when they ask next. */
const channel = openChannel("antiphon.sessions");

export function tellOtherTabs(base: string): void {
  channel?.postMessage(base);
}

/** Returns how to stop listening. */
export function onOtherTabs(base: string, changed: () => void): () => void {
  const listener = (event: MessageEvent): void => {
    if (event.data === base) changed();
  };
  channel?.addEventListener("message", listener);
  return () => channel?.removeEventListener("message", listener);
}
