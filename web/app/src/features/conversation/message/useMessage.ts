import type { ChatMessage, SessionState } from "@antiphon/client";
import { useMemo } from "react";
import { useChat } from "../../../shared/server.js";

/** Whether two states of a message look the same but for the text that is drawn past React. */
export function looksTheSame(a: ChatMessage, b: ChatMessage): boolean {
  if (a === b) return true;
  return (
    a.status === "streaming" &&
    b.status === "streaming" &&
    a.id === b.id &&
    a.sender === b.sender &&
    a.feedback === b.feedback &&
    a.seams.length === b.seams.length &&
    (a.content === "") === (b.content === "") &&
    (a.reasoning === "") === (b.reasoning === "")
  );
}

/** Selects a message; the same object for as long as it looks the same. */
function steady(id: string): (state: SessionState) => ChatMessage | undefined {
  let last: ChatMessage | undefined;
  return (state) => {
    const now = state.messages.get(id);
    if (now === undefined || last === undefined || !looksTheSame(last, now)) last = now;
    return last;
  };
}

/**
 * A message, drawn again when something changed that React draws. While it streams its texts are those of the first
 * piece: read them from the store.
 */
export function useMessage(id: string): ChatMessage | undefined {
  return useChat(useMemo(() => steady(id), [id]));
}
