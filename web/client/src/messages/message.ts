import type { ChatMessage } from "../session_state.js";
import type { StoredMessage, Turn } from "../types.js";
import { figuresOf, UNSEEN } from "./figures.js";

const NOTHING = { content: "", reasoning: "", turnId: null, usage: null, metadata: {}, seams: [], feedback: null, fault: null, figures: null } as const;

/** A message as the server stores it; of what was shown `before` it keeps what only this reader knows. */
export function fromStored(stored: StoredMessage, before?: ChatMessage): ChatMessage {
  const { metadata, usage } = stored;
  const seams = metadata.seams ?? [];
  return {
    id: stored.id,
    key: before?.key ?? stored.id,
    role: stored.role,
    sender: stored.sender,
    status: stored.status,
    content: stored.content,
    reasoning: before?.reasoning ?? "",
    parentId: stored.parent_id,
    turnId: stored.turn_id,
    createdAt: Date.parse(stored.created_at),
    usage,
    metadata,
    seams,
    feedback: stored.feedback,
    fault: metadata.error ?? null,
    figures: stored.role === "assistant" ? figuresOf(before?.figures ?? UNSEEN, metadata, usage, seams) : null,
  };
}

/** The other way round, for the reader's own store. */
export function toStored(message: ChatMessage, sessionId: string, ordinal: number): StoredMessage {
  return {
    id: message.id,
    session_id: sessionId,
    ordinal,
    role: message.role,
    sender: message.sender,
    status: message.status === "stopped" || message.status === "failed" ? message.status : "complete",
    content: message.content,
    parent_id: message.parentId,
    turn_id: message.turnId,
    usage: message.usage,
    metadata: message.metadata,
    feedback: message.feedback,
    created_at: new Date(message.createdAt).toISOString(),
  };
}

/** A message of the user that is on its way. */
export function localPrompt(id: string, content: string, parentId: string | null, createdAt: number): ChatMessage {
  return { ...NOTHING, id, key: id, role: "user", sender: "user", status: "sending", content, parentId, createdAt };
}

/** The reply that is awaited for it. */
export function localReply(id: string, sender: string, parentId: string, createdAt: number): ChatMessage {
  return { ...NOTHING, id, key: id, role: "assistant", sender, status: "waiting", parentId, createdAt };
}

/** The reply of a turn that is under way. */
export function replyOf(turn: Turn): ChatMessage {
  const reply = localReply(turn.message_id, turn.bot, turn.prompt_id, Date.parse(turn.created_at));
  return { ...reply, turnId: turn.id, metadata: aboutTurn(turn) };
}

/** What a turn tells of its reply before that has ended. */
export function aboutTurn(turn: Turn): ChatMessage["metadata"] {
  return { model: turn.model, ...(turn.pod ? { pod: turn.pod } : {}) };
}

/** Whether a reply is still to come, or the rest of it. */
export function underWay(message: ChatMessage): boolean {
  return message.role === "assistant" && (message.status === "waiting" || message.status === "streaming");
}

/** Whether the server has it and it does not change any more. */
export function isSettled(message: ChatMessage): boolean {
  return message.turnId !== null && (message.status === "complete" || message.status === "stopped" || message.status === "failed");
}

/** Numbers of messages in their session follow from the turn's: its message comes before its reply. */
export const promptOrder = (turn: number): number => 2 * turn;
export const replyOrder = (turn: number): number => 2 * turn + 1;
