import type { KeyboardEvent } from "react";

/** Safari tells the Enter that ends an input method's composition with this code, after `compositionend`. */
const COMPOSING = 229;

/** Whether a key is an input method's own: what it ends or takes back is its text, and nothing of the page's. */
export function isComposing(event: KeyboardEvent): boolean {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else tells it in Safari.
  return event.nativeEvent.isComposing || event.keyCode === COMPOSING;
}

/** Whether a key sends: Enter or, as the reader chose, Ctrl/Cmd+Enter; never one that ends a composition. */
export function sends(event: KeyboardEvent<HTMLTextAreaElement>, enterSends: boolean): boolean {
  if (event.key !== "Enter" || isComposing(event)) return false;
  return event.ctrlKey || event.metaKey || (enterSends && !event.shiftKey && !event.altKey);
}
