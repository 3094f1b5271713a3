/** What can be listened to, with what each tells. */
export interface Events {
  open: Record<string, never>;
  minimise: Record<string, never>;
  close: Record<string, never>;
  /** The visitor sent a message. */
  sent: { text: string };
  /** A reply has ended. `text` is Markdown. */
  reply: { id: string; text: string; status: "complete" | "stopped" | "failed" };
}

/** How the chat is shown. */
export type View = "closed" | "minimised" | "open";
