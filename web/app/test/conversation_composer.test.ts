import type { KeyboardEvent } from "react";
import { beforeEach, expect, test, vi } from "vitest";
import { Draft } from "../src/features/conversation/composer/draft.js";
import { rememberChoice, valueShown } from "../src/features/conversation/composer/choosing.js";
import { sends } from "../src/features/conversation/keys.js";
import { choiceOf, nameOf, type Voices } from "../src/features/conversation/voices.js";

beforeEach(() => localStorage.clear());

test("A draft is kept once typing rests, for its own conversation", () => {
  vi.useFakeTimers();
  const draft = new Draft("");
  draft.open("a");
  draft.set("half a sen");
  expect(localStorage.length).toBe(0);
  vi.advanceTimersByTime(400);
  expect(localStorage.length).toBe(1);
  draft.open("b");
  expect(draft.text).toBe("");
  draft.open("a");
  expect(draft.text).toBe("half a sen");
  draft.set("");
  expect(localStorage.length).toBe(0);
  vi.useRealTimers();
});

test("Leaving keeps it at once", () => {
  const draft = new Draft("");
  draft.set("in a hurry");
  draft.open("elsewhere");
  draft.open(null);
  expect(draft.text).toBe("in a hurry");
});

test("What is written while the new conversation gets its id goes on in it", () => {
  const draft = new Draft("");
  draft.set("next");
  draft.adopt("ses_1");
  expect(draft.text).toBe("next");
  expect(new Draft("").text).toBe("");
  draft.open("ses_2");
  draft.open("ses_1");
  expect(draft.text).toBe("next");
});

test("Another server's drafts are its own", () => {
  const draft = new Draft("https://one.example");
  draft.set("secret");
  draft.flush();
  expect(new Draft("https://two.example").text).toBe("");
});

const voices: Voices = {
  bots: [{ name: "sizebot", title: "SizeBot", greeting: "", model: "builtin/sizebot" }],
  models: [{ id: "demo/a/b", provider: "demo", context_tokens: null }],
  unavailable: [],
  usual: "sizebot",
};

test("Who answers: the one picked, else who answered last, else who was chosen last, else the usual bot", () => {
  expect(valueShown(voices, null, "")).toBe("bot:sizebot");
  rememberChoice("model:demo/a/b");
  expect(valueShown(voices, null, "")).toBe("model:demo/a/b");
  expect(valueShown(voices, null, "sizebot")).toBe("bot:sizebot");
  expect(valueShown(voices, "model:demo/a/b", "sizebot")).toBe("model:demo/a/b");
});

test("Who is not there any more is not asked", () => {
  rememberChoice("model:gone/x");
  expect(valueShown(voices, "bot:gone", "gone")).toBe("bot:sizebot");
});

test("A value of the picker is what the server is asked for", () => {
  expect(choiceOf("bot:sizebot")).toEqual({ bot: "sizebot" });
  expect(choiceOf("model:demo/a/b")).toEqual({ model: "demo/a/b" });
  expect(choiceOf("")).toEqual({});
  expect(nameOf(voices, "sizebot")).toBe("SizeBot");
  expect(nameOf(voices, "demo/a/b")).toBe("b");
});

const key = (change: object = {}, isComposing = false) => ({ key: "Enter", keyCode: 13, shiftKey: false, altKey: false, ctrlKey: false, metaKey: false, nativeEvent: { isComposing }, ...change }) as unknown as KeyboardEvent<HTMLTextAreaElement>;

test("Enter sends as the reader chose, never the one that ends a composition", () => {
  expect(sends(key(), true)).toBe(true);
  expect(sends(key(), false)).toBe(false);
  expect(sends(key({ ctrlKey: true }), false)).toBe(true);
  expect(sends(key({ metaKey: true }), false)).toBe(true);
  expect(sends(key({ shiftKey: true }), true)).toBe(false);
  expect(sends(key({}, true), true)).toBe(false);
  expect(sends(key({ keyCode: 229 }), true)).toBe(false);
  expect(sends(key({ key: "a" }), true)).toBe(false);
});
