// @vitest-environment node
import { expect, test } from "vitest";
import { createStore } from "zustand/vanilla";
import { Replies } from "../src/replies.js";
import { EMPTY, SessionDraft } from "../src/session_draft.js";
import type { SessionState } from "../src/session_state.js";
import { FakeServer } from "./fake_server.js";

const A_FRAME = 10;

/** A session of so many messages and a reply under way. */
function talk(messages: number): { draft: SessionDraft; replies: Replies; read: () => SessionState } {
  const server = new FakeServer().begin();
  for (let k = 1; k <= messages / 2; k++) server.exchange(`${k}`, `re ${k}`, k > 1 ? `r${k - 1}` : null);
  const { turn } = server.ask("much", `r${messages / 2}`);
  const store = createStore<SessionState>(() => EMPTY);
  const draft = new SessionDraft("s", store);
  const hooks = { undecided: () => false, busy: () => false, fetch: () => Promise.resolve(null), began: () => undefined, ended: () => undefined };
  const replies = new Replies(draft, hooks);
  for (const message of server.messages) replies.store(message);
  replies.expect(turn);
  draft.tree.show(turn.message_id);
  return { draft, replies, read: () => store.getState() };
}

/** Milliseconds for ten tokens, published and read as a page does, on average over a reply. */
function perFrame(tokens: number, messages: number): number {
  const { draft, replies, read } = talk(messages);
  const turn = messages / 2 + 1;
  const began = performance.now();
  for (let seq = 0; seq < tokens; seq++) {
    replies.take({ type: "content", turn, seq, text: " token" });
    if (seq % A_FRAME !== A_FRAME - 1) continue;
    draft.publish();
    // Reading the last character has the engine put the pieces together.
    read().messages.get(`r${turn}`)?.content.charCodeAt((seq + 1) * 6 - 1);
  }
  const whole = performance.now() - began;
  expect(read().messages.get(`r${turn}`)?.content).toBe(" token".repeat(tokens));
  draft.close();
  return (whole / tokens) * A_FRAME;
}

test.each([
  [2000, 1000],
  [20_000, 1000],
])("a frame of a reply of %i tokens, with %i messages, takes less than a millisecond", (tokens, messages) => {
  // The best of three: the machine may be at something else.
  expect(Math.min(...Array.from({ length: 3 }, () => perFrame(tokens, messages)))).toBeLessThan(1);
});
