import type { ChatMessage } from "@antiphon/client";

/** What is told of a reply without being asked; each is a key of `notes` in the texts. */
export type Note = "stopped" | "length" | "continued" | "restarted" | "resumed";

/** What a reader should know of how a reply came or ended; of what it survived only the gravest. */
export function notesOf({ status, metadata, seams, figures }: ChatMessage): Note[] {
  const notes: Note[] = [];
  if (status === "stopped") notes.push("stopped");
  if (metadata.finish_reason === "length") notes.push("length");
  if (seams.some((seam) => seam.how === "restarted")) notes.push("restarted");
  else if (seams.length > 0) notes.push("continued");
  else if ((figures?.resumed ?? 0) > 0) notes.push("resumed");
  return notes;
}
