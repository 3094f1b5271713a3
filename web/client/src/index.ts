/** Chat with an Antiphon server from any page: sessions, replies that resume where they were, state to draw. */
export { Api, type ApiOptions } from "./api.js";
export { ApiError } from "./errors.js";
export { Board, type BoardState } from "./board.js";
export { Connection } from "./connection.js";
export type { OutboxStorage } from "./outbox.js";
export { Chat, type ChatOptions, type Choice, type SessionCache } from "./chat.js";
export type { EventOptions, ServerEvent } from "./events.js";
export { newId } from "./ids.js";
export { isAntiphon } from "./server.js";
export { openChannel } from "./tabs.js";
export type * from "./session_state.js";
export type * from "./types.js";
