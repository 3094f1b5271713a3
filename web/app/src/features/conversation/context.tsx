import type { Choice } from "@antiphon/client";
import { createContext, useContext } from "react";
import { useStore } from "zustand";
import { createStore, type StoreApi } from "zustand/vanilla";
import type { Draft } from "./composer/draft.js";
import type { Voices } from "./voices.js";

/** What the reader is about to do in this conversation. */
export interface Intent {
  /** The key of the message that is being edited. */
  readonly editing: string | null;
  /** What it has been changed to; null: nothing yet. Kept here, as a message far from the view is not drawn. */
  readonly edited: string | null;
  /** Whether the cursor was put into it: once, as a message that comes into view again must not move the view. */
  readonly entered: boolean;
  /** The picker's value as chosen here; null: as it follows from the conversation. */
  readonly picked: string | null;
  /** The keys of the messages that there were when it was chosen. */
  readonly pickedAfter: ReadonlySet<string>;
}

export interface ConversationContext {
  voices: Voices;
  intent: StoreApi<Intent>;
  draft: Draft;
  /** Whom the next message goes to. */
  choice: () => Choice;
  /** Put the cursor into the composer; with a text, put that there as well if it is empty. */
  compose: (text?: string) => void;
}

export const newIntent = (): StoreApi<Intent> => createStore<Intent>(() => ({ editing: null, edited: null, entered: false, picked: null, pickedAfter: new Set() }));

/** Change a message, by its key, from what it is or from what it was changed to before. */
export function beginEdit(intent: StoreApi<Intent>, key: string, edited: string | null = null): void {
  intent.setState({ editing: key, edited, entered: false });
}

export function endEdit(intent: StoreApi<Intent>): void {
  intent.setState({ editing: null, edited: null });
}

const Context = createContext<ConversationContext | null>(null);
export const ConversationProvider = Context.Provider;

export function useConversation(): ConversationContext {
  const context = useContext(Context);
  if (context === null) throw new Error("useConversation needs a ConversationProvider around it.");
  return context;
}

export function useIntent<T>(select: (intent: Intent) => T): T {
  return useStore(useConversation().intent, select);
}
