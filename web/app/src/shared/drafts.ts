import { stored } from "./storage.js";

const DRAFT = "draft.";
const EDIT = "edit.";

/** Under what name the browser keeps what is being written in a conversation of a server; null: in a new one. */
export const draftName = (server: string, session: string | null): string => `${DRAFT}${server}${session ?? "new"}`;

/** The same for a message that is being changed. */
export const editName = (server: string, session: string): string => `${EDIT}${server}${session}`;

/** A conversation is gone, and with it what was being written in it. */
export function forgetDrafts(server: string, session: string): void {
  stored.removeItem(draftName(server, session));
  stored.removeItem(editName(server, session));
}

/** Forgets what is being written in all conversations, of every server. */
export function clearDrafts(): void {
  for (const name of stored.keys()) if (name.startsWith(DRAFT) || name.startsWith(EDIT)) stored.removeItem(name);
}
