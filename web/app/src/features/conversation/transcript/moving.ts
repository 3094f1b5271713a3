import type { KeyboardEvent } from "react";
import { preferences } from "../../../shared/preferences.js";
import type { Follower } from "./follower.js";

type Keys = Pick<KeyboardEvent, "key" | "altKey" | "ctrlKey" | "metaKey">;

/** Where a key leads among the messages: -1 to the one before, 1 to the next; 0: nowhere. */
export function stepOf({ key, altKey, ctrlKey, metaKey }: Keys, single: boolean): -1 | 0 | 1 {
  if (ctrlKey || metaKey) return 0;
  if (altKey) return key === "PageUp" ? -1 : key === "PageDown" ? 1 : 0;
  if (!single) return 0;
  return key === "k" ? -1 : key === "j" ? 1 : 0;
}

/** What has a use of its own for Home and End. */
const WITH_EDGES = "textarea, input, select, .thoughts > div";

/**
 * Home leads to the very first message, End to the last: not only to the edges of what is drawn, as the browser would.
 * Returns whether the key was one of them.
 */
export function moveToEdge(event: KeyboardEvent<HTMLElement>, toStart: () => void, toEnd: () => void): boolean {
  const { key, altKey, shiftKey, target } = event;
  if ((key !== "Home" && key !== "End") || altKey || shiftKey || event.defaultPrevented) return false;
  if (target instanceof HTMLElement && target.matches(WITH_EDGES)) return false;
  event.preventDefault();
  if (key === "Home") toStart();
  else toEnd();
  return true;
}

/** Move from message to message: Alt+PageUp and Alt+PageDown, k and j while the list itself has the focus. */
export function moveByKey(event: KeyboardEvent<HTMLElement>, follower: Follower | null): void {
  if (!(event.target instanceof HTMLElement) || event.target.matches("textarea, input, select")) return;
  const step = stepOf(event, preferences.getState().singleKeys);
  if (step === 0) return;
  const messages = Array.from(event.currentTarget.querySelectorAll<HTMLElement>('[data-testid="message"]'));
  const at = messages.findIndex((message) => message.contains(event.target as Node));
  const next = at < 0 ? messages.at(-1) : messages[at + step];
  if (next === undefined) return;
  event.preventDefault();
  follower?.leaveEnd();
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}
