import type { ChatMessage, Choice } from "@antiphon/client";
import i18next from "i18next";
import { act, type ReactNode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { initReactI18next } from "react-i18next";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
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
const bot = (name: string) => ({ name, title: name.toUpperCase(), greeting: "", model: "demo/a" });
const context: ConversationContext = {
  voices: { bots: [bot("one"), bot("two")], models: [model("demo/a"), model("demo/b"), model("demo/c")], unavailable: [], usual: "" },
  intent,
  draft: null as never,
  choice: () => choiceOf(intent.getState().picked ?? "model:demo/a"),
  compose: () => undefined,
};
let place: HTMLElement;
let root: Root;

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  HTMLElement.prototype.showPopover = () => undefined; // happy-dom has none
  localStorage.clear();
  retry.mockReset();
  intent.setState(newIntent().getState(), true);
  place = document.body.appendChild(document.createElement("div"));
  root = createRoot(place);
});
afterEach(() => {
  act(() => root.unmount());
  place.remove();
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

test("What failed is asked of another bot or model, but not of the same bot", () => {
  show(<Trouble message={{ ...failed, sender: "one" }} />);
  act(() => place.querySelector<HTMLElement>("[data-testid=regenerate-with]")?.click());
  const items = Array.from(place.querySelectorAll<HTMLElement>("[role=menuitem]"));
  expect(items.map((item) => item.textContent)).toEqual(["TWO", "demo/a", "demo/b", "demo/c"]);
  act(() => items[0]?.click());
  expect(retry.mock.calls).toEqual([["r1", { bot: "two" }]]);
});

test("What was not sent waits for its own bot", () => {
  show(<Trouble message={{ ...failed, role: "user", status: "unsent" }} />);
  expect(place.querySelector("[data-testid=regenerate-with]")).toBeNull();
});

test.each(["en-GB", "fr"])("What the server says in English is shown as such in %s", async (language) => {
  await i18next.use(initReactI18next).init({ lng: language, resources: {} });
  show(<Trouble message={{ ...failed, fault: { code: "invalid", message: "In so many words." } }} />);
  const detail = place.querySelector("p");
  expect(detail?.textContent).toBe("In so many words.");
  expect(detail?.closest("details") !== null).toBe(language === "fr");
  expect(detail?.lang).toBe(language === "fr" ? "en" : "");
});

describe("What a server wants to rest", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());
  const button = (): HTMLButtonElement | null => place.querySelector("[data-testid=retry]");
  const rest = (seconds: number): void => show(<Trouble message={{ ...failed, fault: { code: "rate_limited", message: "", retry_after: seconds } }} />);
  const wait = (seconds: number): void => act(() => void vi.advanceTimersByTime(seconds * 1000));

  test("is counted down to the end, and then it can be tried again", async () => {
    await i18next.use(initReactI18next).init({ lng: "en", resources: { en: { conversation: { retryIn: "in {{count}}", retry: "again" } } }, ns: "conversation" });
    rest(3);
    const said = [0, 1, 1, 1.5].map((seconds) => {
      wait(seconds);
      return button()?.textContent;
    });
    expect([...said, button()?.disabled]).toEqual(["in 3", "in 2", "in 1", "again", false]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is bounded", () => {
    rest(30 * 24 * 3600);
    wait(299);
    expect(button()?.disabled).toBe(true);
    wait(2);
    expect(button()?.disabled).toBe(false);
  });
});
