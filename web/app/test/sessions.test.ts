import type { Session, SessionItem, SessionPage } from "@antiphon/client";
import { describe, expect, it } from "vitest";
import { fileName } from "../src/features/sessions/files.js";
import { groupByDay, spanOf } from "../src/features/sessions/groups.js";
import { mergeFirstPage, upsert, withUnmade } from "../src/features/sessions/merge.js";
import { neighbour } from "../src/features/sessions/neighbours.js";

const session = (id: string, minute: number): Session => ({ id, title: id, context: {}, archived: false, turn_count: 1, created_at: "", updated_at: `2026-03-01T10:${String(minute).padStart(2, "0")}:00.000Z` });
const ids = (sessions: readonly Session[]) => sessions.map(({ id }) => id);
const page = (sessions: SessionItem[], next: number | null): SessionPage => ({ sessions, next_before: next });

describe("days", () => {
  const now = new Date(2026, 2, 31, 0, 30).getTime();
  const at = (...date: [number, number, number, number?]) => spanOf(new Date(...date).getTime(), now);

  it("are those of the reader's calendar, not spans of 24 hours", () => {
    expect(at(2026, 2, 31, 0)).toEqual({ kind: "today" });
    expect(at(2026, 2, 30, 23)).toEqual({ kind: "yesterday" });
    expect(at(2026, 2, 29, 0)).toEqual({ kind: "week" });
    expect(at(2026, 2, 24, 0)).toEqual({ kind: "week" });
    expect(at(2026, 2, 23, 23)).toEqual({ kind: "days30" });
    expect(at(2026, 2, 1, 0)).toEqual({ kind: "days30" });
    expect(at(2026, 1, 28, 23)).toEqual({ kind: "month", start: new Date(2026, 1, 1).getTime() });
  });

  it("take what a clock ahead of ours dates tomorrow for today's", () => {
    expect(at(2026, 3, 1, 12)).toEqual({ kind: "today" });
  });

  it("group what is in order", () => {
    const old = { ...session("old", 0), updated_at: new Date(2024, 5, 3).toISOString() };
    const groups = groupByDay([{ ...session("a", 0), updated_at: new Date(now).toISOString() }, old, { ...old, id: "older" }], now);
    expect(groups.map((group) => [group.span.kind, ids(group.sessions)])).toEqual([["today", ["a"]], ["month", ["old", "older"]]]);
  });
});

describe("the newest page over what is shown", () => {
  const shown = { sessions: [session("c", 30), session("b", 20), session("a", 10)], next: 5 };

  it("says what is there, in its order, and leaves what is older", () => {
    expect(mergeFirstPage(shown, page([session("d", 40), session("c", 30)], 30))).toEqual({ sessions: [session("d", 40), session("c", 30), session("b", 20), session("a", 10)], next: 5 });
  });

  it("takes away what it would have to name and does not", () => {
    expect(ids(mergeFirstPage(shown, page([session("d", 40), session("b", 20)], 20)).sessions)).toEqual(["d", "b", "a"]);
  });

  it("moves what was used meanwhile", () => {
    expect(ids(mergeFirstPage(shown, page([session("a", 50), session("c", 30)], 30)).sessions)).toEqual(["a", "c", "b"]);
  });

  it("is all there is if nothing follows it", () => {
    expect(mergeFirstPage(shown, page([session("b", 20)], null))).toEqual({ sessions: [session("b", 20)], next: null });
  });

  it("takes nothing away where a search answers with nothing yet", () => {
    expect(mergeFirstPage(shown, page([], 40))).toEqual(shown);
    expect(mergeFirstPage({ sessions: [], next: null }, page([], 40))).toEqual({ sessions: [], next: 40 });
  });

  it("says which replies are under way; out of its reach none is", () => {
    const marked = { ...shown, sessions: shown.sessions.map((one) => ({ ...one, running: true })) };
    const { sessions } = mergeFirstPage(marked, page([{ ...session("c", 30), running: true }, { ...session("b", 20), running: false }], 20));
    expect(sessions.map(({ running }) => running)).toEqual([true, false, false]);
  });

  it("leads on by itself where nothing older is known", () => {
    expect(mergeFirstPage({ sessions: [], next: null }, page([session("b", 20)], 20)).next).toBe(20);
  });
});

it("a changed session goes to its place", () => {
  const all = [session("c", 30), session("b", 20), session("a", 10)];
  expect(ids(upsert(all, session("a", 40)))).toEqual(["a", "c", "b"]);
  expect(ids(upsert(all, { ...session("b", 20), title: "new" }))).toEqual(["c", "b", "a"]);
  expect(ids(upsert(all, session("z", 1)))).toEqual(["c", "b", "a", "z"]);
  expect(upsert([{ ...session("a", 1), running: true }], session("a", 2))[0]?.running).toBe(true);
});

it("the keys lead to the next and the one before, and nowhere at the ends", () => {
  const all = [session("a", 2), session("b", 1)];
  expect([neighbour(all, "a", 1)?.id, neighbour(all, "b", -1)?.id]).toEqual(["b", "a"]);
  expect([neighbour(all, "b", 1), neighbour(all, "a", -1)]).toEqual([undefined, undefined]);
  expect(neighbour(all, null, 1)?.id).toBe("a");
});

it("titles become names of files that every system takes", () => {
  expect(fileName('a/b\\c: "d" <e>|?*\n', "md")).toBe("a b c d e.md");
  expect(fileName("...", "json")).toBe("conversation.json");
  expect(fileName("サイズ", "md")).toBe("サイズ.md");
  expect(Array.from(fileName("👗".repeat(100), "md"))).toHaveLength(83);
});

describe("what exists only here", () => {
  const waiting = (since: number, title: string | null, count = 1) => ({ count, refused: count === 0 ? 1 : 0, title, since });
  const since = Date.parse("2026-03-01T10:25:00Z");
  const list = { sessions: [session("c", 30), session("b", 20)], next: 20, query: "", archived: false };

  it("stands where it was said, once", () => {
    const shown = withUnmade(list, new Map([["new", waiting(since, "Hello")], ["b", waiting(since, null)]]));
    expect(shown.map(({ id, title }) => [id, title])).toEqual([["c", "c"], ["new", "Hello"], ["b", "b"]]);
  });

  it("is no session of a page that was not read, and no answer of a search", () => {
    expect(withUnmade(list, new Map([["older", waiting(since, null)], ["gone", waiting(since, null, 0)]]))).toBe(list.sessions);
    expect(ids(withUnmade({ ...list, next: null }, new Map([["gone", waiting(since, null, 0)]])))).toEqual(["c", "gone", "b"]);
    const unmade = new Map([["new", waiting(since, "Hello")]]);
    expect(withUnmade({ ...list, query: "x" }, unmade)).toBe(list.sessions);
    expect(withUnmade({ ...list, archived: true }, unmade)).toBe(list.sessions);
  });
});
