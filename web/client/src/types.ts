/** What travels, as PROTOCOL.md describes it. Times are ISO 8601 in UTC. */

export interface Session {
  id: string;
  title: string;
  context: Record<string, unknown>;
  archived: boolean;
  turn_count: number;
  created_at: string;
  updated_at: string;
}

/** A session as listed. `running`: whether a reply is under way in it; older servers do not tell. */
export interface SessionItem extends Session {
  running?: boolean;
}

export interface SessionPage {
  sessions: SessionItem[];
  /** Opaque: where the next page begins. */
  next_before: number | string | null;
}

export type TurnState = "queued" | "running" | "complete" | "stopped" | "failed";

/** A request for a reply. `message_id` is the reply's id, from its first chunk on. */
export interface Turn {
  id: string;
  session_id: string;
  number: number;
  state: TurnState;
  prompt_id: string;
  message_id: string;
  bot: string;
  model: string;
  /** The pod that runs it, null while none does. */
  pod: string | null;
  created_at: string;
  ended_at: string | null;
}

export interface SessionDetail extends Session {
  running: Turn[];
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  estimated: boolean;
}

/** Where another attempt went on with a reply. */
export interface Seam {
  chunk: number;
  epoch: number;
  how: "continued" | "restarted";
}

/** Why a reply failed. */
export interface Fault {
  code: string;
  message: string;
  retry_after?: number;
  provider_status?: number;
}

export interface Feedback {
  rating: "up" | "down";
  comment: string;
  created_at: string;
}

/** What the server tells about a reply beside its text. Absent: nothing to tell, or not known. */
export interface ReplyMetadata {
  model?: string;
  finish_reason?: string;
  error?: Fault;
  seams?: Seam[];
  cached?: boolean;
  /** The pod that ended the reply. */
  pod?: string;
  /** From the message's arrival to the reply's first text, where one pod saw both. */
  first_token_ms?: number;
  /** From the message's arrival to the reply's end. */
  total_ms?: number;
  [more: string]: unknown;
}

export interface StoredMessage {
  id: string;
  session_id: string;
  ordinal: number;
  role: "user" | "assistant";
  sender: string;
  status: "complete" | "stopped" | "failed";
  content: string;
  parent_id: string | null;
  turn_id: string | null;
  usage: Usage | null;
  metadata: ReplyMetadata;
  feedback: Feedback | null;
  created_at: string;
}

export interface MessagePage {
  messages: StoredMessage[];
  next_before: number | null;
}

export interface NewMessage {
  text: string;
  bot?: string;
  model?: string;
  /** The reply that it follows; null: a new beginning. Absent: the newest reply. */
  parent?: string | null;
}

export interface Model {
  id: string;
  provider: string;
  context_tokens: number | null;
}

export interface Models {
  models: Model[];
  unavailable: { provider: string; code: string; detail: string }[];
}

export interface Bot {
  name: string;
  title: string;
  greeting: string;
  model: string;
}

export interface Bots {
  bots: Bot[];
  default: string;
}

/** The data of a reply's last event. */
export interface End extends ReplyMetadata {
  state: "complete" | "stopped" | "failed";
  finish_reason: string;
  model: string;
  message_id: string;
  usage?: Usage;
}

/** The native events, see PROTOCOL.md. */
export type ReplyEvent =
  | ({ type: "turn" } & Turn)
  | { type: "content" | "reasoning"; turn: number; seq: number; text: string }
  | { type: "tool"; turn: number; seq: number; data: unknown }
  | { type: "seam"; turn: number; seq: number; data: { epoch: number } }
  | { type: "reset"; turn: number; seq: number; data: { reason: string; epoch: number } }
  | { type: "end"; turn: number; seq: number; data: End }
  | { type: "connected" }
  | { type: "resume" };

/** A whole conversation as a file: what export gives and import takes. */
export interface ExportedSession {
  format: "antiphon.session";
  version: 1;
  exported_at: string;
  session: Pick<Session, "title" | "context" | "created_at">;
  messages: Pick<
    StoredMessage,
    "id" | "role" | "sender" | "status" | "content" | "parent_id" | "usage" | "metadata" | "feedback" | "created_at"
  >[];
}

/** What the server tells its own page. */
export interface PageSettings {
  version: string;
  /** Other servers that the page may be switched to. */
  servers: { name: string; url: string }[];
  /** Whether the figures page may be read from here. */
  status: boolean;
}

/** An entry of the message board (contract A). */
export interface Post {
  /** A number that grows; of other servers of the contract also a text. */
  id: number | string;
  message: string;
  sender: string;
  timestamp: string;
}
