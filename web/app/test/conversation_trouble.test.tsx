import type { ChatMessage, Choice } from "@antiphon/client";
import { act, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { choiceOf } from "../src/features/conversation/voices.js";
import { ConversationProvider, newIntent, type ConversationContext } from "../src/features/conversation/context.js";
import { Picker } from "../src/features/conversation/composer/Picker.js";
import { Trouble } from "../src/features/conversation/message/Trouble.js";

const failed = { id: "r1", key: "local-1", role: "assistant", sender: "demo/a", status: "failed", content: "", fault: null } as ChatMessage;
const state = { path: ["r1"], messages: new Map([["r1", failed]]) };
const retry = vi.fn<(id: string, choice: Choice) => void>();
vi.mock("../src/shared/server.js", () => ({
  useServer: () => ({ chat: { retry, store: { getState: () => state } } }),
  useChat: (select: (now: typeof state) => unknown) => select(state),
}));

const model = (id: string) => ({ id, provider: "demo", context_tokens: null });
const intent = newIntent();
const context: ConversationContext = {
  voices: { bots: [], models: [model("demo/a"), model("demo/b"), model("demo/c")], unavailable: [], usual: "" },
  intent,
  draft: null as never,
  choice: () => choiceOf(intent.getState().picked ?? "model:demo/a"),
  compose: () => undefined,
};
let place: HTMLElement;
let root: Root;

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  localStorage.clear();
  retry.mockReset();
  intent.setState(newIntent().getState(), true);
  place = document.createElement("div");
  root = createRoot(place);
});
afterEach(() => {
  act(() => root.unmount());
  vi.unstubAllGlobals();
});

const show = (node: ReactNode): void => act(() => root.render(<ConversationProvider value={context}>{node}</ConversationProvider>));
const pick = (value: string): void =>
  act(() => {
    const picker = place.querySelector("select");
    if (!picker) throw new Error("There is no picker.");
    picker.value = value;
    picker.dispatchEvent(new Event("change", { bubbles: true }));
  });
const tryAgain = (message: ChatMessage): void => {
  show(<><Trouble message={message} /><Picker /></>);
  act(() => place.querySelector<HTMLElement>("[data-testid=retry]")?.click());
};

test("What failed is tried again with whom the reader picked since", () => {
  show(<Picker />);
  pick("model:demo/b");
  tryAgain({ ...failed, id: "r-of-the-server" });
  expect(retry.mock.calls).toEqual([["r-of-the-server", { model: "demo/b" }]]);
});

test("What failed after the picking is tried again as it was asked for", () => {
  show(<Picker />);
  pick("model:demo/b");
  tryAgain({ ...failed, id: "r2", key: "local-2", sender: "demo/c" });
  expect(retry.mock.calls).toEqual([["r2", {}]]);
});

test("Where nobody was picked the same are asked", () => {
  tryAgain(failed);
  expect(retry.mock.calls).toEqual([["r1", {}]]);
});
