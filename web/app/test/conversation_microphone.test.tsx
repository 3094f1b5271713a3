import { act, createRef } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Composer } from "../src/features/conversation/composer/Composer.js";
import { Draft } from "../src/features/conversation/composer/draft.js";
import { ConversationProvider, newIntent, type ConversationContext } from "../src/features/conversation/context.js";

const state = { id: "s", path: [], messages: new Map(), running: null };
const send = vi.fn(() => true);
vi.mock("../src/shared/server.js", () => ({
  useServer: () => ({ chat: { send, store: { getState: () => state } } }),
  useChat: (select: (now: typeof state) => unknown) => select(state),
}));

/** The browser's recognizer, which hears what a test says. */
class Recognition extends EventTarget {
  static made: Recognition[] = [];
  aborted = false;
  constructor() {
    super();
    Recognition.made.push(this);
  }
  start(): void {
    return;
  }
  stop(): void {
    this.dispatchEvent(new Event("end"));
  }
  abort(): void {
    this.aborted = true;
  }
}

let place: HTMLElement;
let root: Root;
let draft: Draft;
const show = (conversation: number): void => {
  const voices = { bots: [], models: [], unavailable: [], usual: "" };
  const context: ConversationContext = { voices, intent: newIntent(), draft, choice: () => ({}), compose: () => undefined };
  act(() => root.render(<ConversationProvider value={context}><Composer as="MessageInput" conversation={conversation} field={createRef()} /></ConversationProvider>));
};
const microphone = (): HTMLElement | null => place.querySelector(".microphone");
const hear = (...said: string[]): void => {
  const results = said.map((transcript) => [{ transcript }]);
  act(() => void Recognition.made.at(-1)?.dispatchEvent(Object.assign(new Event("result"), { results })));
};

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  vi.stubGlobal("SpeechRecognition", Recognition);
  localStorage.clear();
  send.mockClear();
  Recognition.made = [];
  draft = new Draft("");
  place = document.body.appendChild(document.createElement("div"));
  root = createRoot(place);
  draft.set("Please:");
  show(1);
  act(() => microphone()?.click());
  hear("one");
});
afterEach(() => {
  act(() => root.unmount());
  place.remove();
  vi.unstubAllGlobals();
});

test("What is said stands behind what was there, and is corrected while it is heard", () => {
  hear("one too");
  hear("one two", " three");
  expect(draft.text).toBe("Please: one two three");
});

test("What is written meanwhile stays, and what is said comes behind it", () => {
  act(() => draft.set("Please: ONE, and"));
  hear("one", " two");
  hear("one", " two", " three");
  expect(draft.text).toBe("Please: ONE, and two three");
});

test("What is sent takes no more words, and does not come back", () => {
  act(() => place.querySelector("form")?.requestSubmit());
  hear("one", " two");
  expect([send.mock.calls.length, draft.text, Recognition.made.at(-1)?.aborted]).toEqual([1, "", true]);
  expect(microphone()?.getAttribute("aria-pressed")).toBe("false");
});

test("Another conversation keeps its own draft", () => {
  act(() => draft.open("other"));
  act(() => draft.set("my draft"));
  show(2);
  hear("one", " two");
  expect([draft.text, Recognition.made.at(-1)?.aborted]).toEqual(["my draft", true]);
});
