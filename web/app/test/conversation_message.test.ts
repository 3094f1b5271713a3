import type { ChatMessage } from "@antiphon/client";
import { expect, test } from "vitest";
import { notesOf } from "../src/features/conversation/message/notes.js";
import { exact, relative } from "../src/features/conversation/message/time.js";
import { isLong } from "../src/features/conversation/message/UserMessage.js";
import { looksTheSame } from "../src/features/conversation/message/useMessage.js";
import { beginsDay, dayName } from "../src/features/conversation/transcript/days.js";
import { stepOf } from "../src/features/conversation/transcript/moving.js";
import { shortened } from "../src/features/conversation/useAnnouncements.js";

const message: ChatMessage = { id: "a", key: "a", role: "assistant", sender: "bot", status: "streaming", content: "Hel", reasoning: "", parentId: null, turnId: "t", createdAt: 0, usage: null, metadata: {}, seams: [], feedback: null, fault: null, figures: null };
const seam = { chunk: 1, epoch: 2, how: "continued" } as const;

test("A streaming message is not drawn again by React for its text, but for all else", () => {
  const with_ = (change: Partial<ChatMessage>) => looksTheSame(message, { ...message, ...change });
  expect(with_({ content: "Hello", metadata: {}, seams: [] })).toBe(true);
  expect(with_({ content: "" })).toBe(false);
  expect(with_({ reasoning: "Hm" })).toBe(false);
  expect(with_({ status: "complete" })).toBe(false);
  expect(with_({ id: "b" })).toBe(false);
  expect(with_({ seams: [seam] })).toBe(false);
});

test("What a reply survived is told, the gravest only", () => {
  const notes = (change: Partial<ChatMessage>) => notesOf({ ...message, ...change });
  const resumed = { firstTokenMs: null, totalMs: null, tokens: null, tokensPerSecond: null, resumed: 1, takenOver: 0, restarted: false, cached: false, model: null, pod: null };
  expect(notes({ status: "complete" })).toEqual([]);
  expect(notes({ figures: resumed })).toEqual(["resumed"]);
  expect(notes({ figures: resumed, seams: [seam] })).toEqual(["continued"]);
  expect(notes({ seams: [seam, { ...seam, how: "restarted" }] })).toEqual(["restarted"]);
  expect(notes({ status: "stopped", metadata: { finish_reason: "length" } })).toEqual(["stopped", "length"]);
});

test("Times are relative within a week", () => {
  const now = Date.UTC(2026, 5, 15, 12);
  const ago = (ms: number) => relative(now - ms, now, "en");
  expect([ago(0), ago(59_000), ago(120_000), ago(3 * 3_600_000), ago(26 * 3_600_000)]).toEqual(["now", "now", "2 min. ago", "3 hr. ago", "yesterday"]);
  expect(ago(30 * 86_400_000)).toBe("May 16, 2026");
  expect(relative(now + 5000, now, "en")).toBe("now");
  expect(exact(now, "en")).toContain("2026");
});

test("A day is announced where it changes, and not today's own", () => {
  const noon = new Date(2026, 5, 15, 12).getTime();
  const day = 86_400_000;
  expect(beginsDay(noon, null, noon + 1000)).toBe(false);
  expect(beginsDay(noon, null, noon + day)).toBe(true);
  expect(beginsDay(noon, noon - day, noon)).toBe(true);
  expect(beginsDay(noon, noon - 1000, noon)).toBe(false);
  expect([dayName(noon, "en", noon), dayName(noon - day, "en", noon), dayName(noon - 3 * day, "en", noon)]).toEqual(["Today", "Yesterday", "Friday, June 12"]);
});

test("Long messages are folded, those a little longer are not", () => {
  expect(isLong("line\n".repeat(14))).toBe(false);
  expect(isLong("line\n".repeat(40))).toBe(true);
  expect(isLong("x".repeat(3000))).toBe(true);
});

test("A screen reader is told about 500 characters, of whole words", () => {
  expect(shortened("Short  reply.")).toBe("Short reply.");
  const text = shortened("word ".repeat(500));
  expect(text.length).toBeLessThanOrEqual(502);
  expect(text.endsWith("word …")).toBe(true);
});

test("Keys move among messages; single ones only where the reader wants them", () => {
  const keys = { key: "", altKey: false, ctrlKey: false, metaKey: false };
  expect(stepOf({ ...keys, key: "PageUp", altKey: true }, false)).toBe(-1);
  expect(stepOf({ ...keys, key: "PageDown", altKey: true }, false)).toBe(1);
  expect(stepOf({ ...keys, key: "j" }, true)).toBe(1);
  expect(stepOf({ ...keys, key: "k" }, true)).toBe(-1);
  expect(stepOf({ ...keys, key: "k" }, false)).toBe(0);
  expect(stepOf({ ...keys, key: "k", ctrlKey: true }, true)).toBe(0);
  expect(stepOf({ ...keys, key: "PageUp" }, true)).toBe(0);
});
