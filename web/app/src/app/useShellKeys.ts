import { useEffect, useEffectEvent } from "react";
import { useLocation } from "wouter";
import { neighbour, SEARCH_ID, useSessions, useShown } from "../features/sessions/index.js";
import { usePreferences } from "../shared/preferences.js";
import { useServer } from "../shared/server.js";
import { focusComposer } from "./focusComposer.js";
import type { Drawer } from "./useDrawer.js";

interface Targets {
  drawer: Drawer;
  onHelp: () => void;
}

/** What a combination of keys asks for; null: nothing of ours. */
export type Command = "search" | "new" | "sidebar" | "previous" | "next" | "composer" | "help" | "undo";

type Keys = Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">;

/** Where the focus is: not where one types, in an empty field, or in a field (or choice) that uses the arrows itself. */
export type Typing = "nowhere" | "empty" | "text";

/** `single`: whether shortcuts of one character are wanted. */
export function commandOf(event: Keys, typing: Typing, single: boolean): Command | null {
  const control = event.ctrlKey || event.metaKey;
  if (control && !event.altKey) {
    // By what is on the key, not by where it is; with Shift as a capital.
    const key = event.key.toLowerCase();
    if (key === "k" && !event.shiftKey) return "search";
    if (key === "z" && !event.shiftKey && typing === "nowhere") return "undo";
    if (event.shiftKey) return key === "o" ? "new" : key === "s" ? "sidebar" : null;
    return null;
  }
  // In a text, Alt and arrows move by paragraphs on some systems; on a choice they open it.
  if (event.altKey && !control && !event.shiftKey && typing !== "text") return event.key === "ArrowUp" ? "previous" : event.key === "ArrowDown" ? "next" : null;
  if (typing !== "nowhere" || !single || event.altKey || control) return null;
  return event.key === "/" ? "composer" : event.key === "?" ? "help" : null;
}

function typingIn(target: EventTarget | null): Typing {
  if (!(target instanceof HTMLElement)) return "nowhere";
  if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) return target.value === "" ? "empty" : "text";
  return target.isContentEditable || target instanceof HTMLSelectElement ? "text" : "nowhere";
}

/** The page's shortcuts, but for those of the message box and of the list, which are theirs. */
export function useShellKeys({ drawer, onHelp }: Targets): void {
  const { chat, server } = useServer();
  const shown = useShown();
  const { undoing } = useSessions();
  const single = usePreferences((state) => state.singleKeys);
  const [, navigate] = useLocation();
  const go = (step: 1 | -1): void => {
    const to = neighbour(shown, chat.store.getState().id, step);
    if (to !== undefined) navigate(`/c/${encodeURIComponent(to.id)}`);
  };
  const commands: Record<Command, () => void> = {
    search() {
      if (!drawer.shown) drawer.show(true);
      // After the drawer has taken the focus.
      requestAnimationFrame(() => requestAnimationFrame(() => document.getElementById(SEARCH_ID)?.focus()));
    },
    new() {
      navigate("/");
      drawer.leave();
      focusComposer();
    },
    sidebar: () => drawer.show(!drawer.shown),
    previous: () => go(-1),
    next: () => go(1),
    composer: focusComposer,
    help: onHelp,
    undo: () => void undoing.undoLast(),
  };
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]") !== null) return;
    const command = commandOf(event, typingIn(event.target), single);
    if (command === null || (server.kind === "board" && command !== "sidebar" && command !== "help")) return;
    event.preventDefault();
    commands[command]();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => onKey(event);
    addEventListener("keydown", listener);
    return () => removeEventListener("keydown", listener);
  }, []);
}
