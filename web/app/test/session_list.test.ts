import { type Api, ApiError, type Session, type SessionPage } from "@antiphon/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MOST_ANSWERS, MOST_RETRIES, SessionList } from "../src/features/sessions/session_list.js";

const kept = vi.hoisted(() => ({ list: [] as Session[] }));
vi.mock("../src/shared/offline.js", () => ({
  saveList: (_base: string, sessions: Session[]) => Promise.resolve(void (kept.list = [...sessions])),
  loadList: () => Promise.resolve(kept.list),
}));

const session = (id: string, minute = 0): Session => ({ id, title: id, context: {}, archived: false, turn_count: 1, created_at: "", updated_at: `2026-03-01T10:${String(minute).padStart(2, "0")}:00.000Z` });
const page = (ids: string[], next: number | null = null): SessionPage => ({ sessions: ids.map((id, at) => session(id, 50 - at)), next_before: next });
const sessions = vi.fn<Api["sessions"]>();
const updateSession = vi.fn<Api["updateSession"]>();
const onChange = vi.fn();
const make = () => new SessionList({ sessions, updateSession } as unknown as Api, "", onChange);
const shown = (list: SessionList) => list.store.getState().sessions.map(({ id }) => id);

beforeEach(() => {
  vi.resetAllMocks();
  kept.list = [];
});
afterEach(() => vi.useRealTimers());

it("pages on, once at a time, and shows no session twice", async () => {
  const list = make();
  sessions.mockResolvedValueOnce(page(["a", "b"], 2));
  await list.refresh();
  sessions.mockResolvedValueOnce(page(["b", "c"]));
  await Promise.all([list.loadMore(), list.loadMore()]);
  await list.loadMore();
  expect(shown(list)).toEqual(["a", "b", "c"]);
  expect(sessions.mock.calls.map(([query]) => query?.before)).toEqual([undefined, 2]);
});

it("keeps what is shown when a page cannot be read, and reads it the next time", async () => {
  const list = make();
  sessions.mockResolvedValueOnce(page(["a"], 2));
  await list.refresh();
  sessions.mockRejectedValueOnce(new ApiError(0, "unreachable", ""));
  await list.loadMore();
  expect(list.store.getState()).toMatchObject({ loadingMore: false, next: 2 });
  sessions.mockResolvedValueOnce(page(["b"]));
  await list.loadMore();
  expect(shown(list)).toEqual(["a", "b"]);
});

it("shows the answer to the last question, though an earlier one's comes later", async () => {
  const list = make();
  let late: (page: SessionPage) => void = () => undefined;
  sessions.mockReturnValueOnce(new Promise((done) => (late = done))).mockResolvedValueOnce(page(["second"]));
  const first = list.show("fir", false);
  await list.show("first", false);
  late(page(["first"]));
  await first;
  expect(shown(list)).toEqual(["second"]);
  expect(sessions.mock.lastCall).toEqual([{ limit: 50, archived: false, q: "first" }]);
});

it("asks nothing when the question is the same", async () => {
  const list = make();
  await list.show("", false);
  expect(sessions).not.toHaveBeenCalled();
});

it("without the server shows what was kept of the whole list, but nothing for a search", async () => {
  const list = make();
  sessions.mockResolvedValueOnce(page(["a", "b"]));
  await list.refresh();
  const later = make();
  sessions.mockRejectedValue(new ApiError(0, "unreachable", ""));
  await later.refresh();
  expect([later.store.getState().phase, shown(later)]).toEqual(["unreachable", ["a", "b"]]);
  await later.show("x", false);
  expect(shown(later)).toEqual([]);
  await later.show("", false);
  expect(shown(later)).toEqual(["a", "b"]);
});

it("takes an archived session away at once, and has it back if the server refuses", async () => {
  const list = make();
  sessions.mockResolvedValue(page(["a", "b"]));
  await list.refresh();
  updateSession.mockRejectedValueOnce(new ApiError(403, "forbidden", "No."));
  const archiving = list.archive(session("a"), true);
  expect(shown(list)).toEqual(["b"]);
  await expect(archiving).rejects.toThrow("No.");
  expect(shown(list)).toEqual(["a", "b"]);
  expect(onChange).not.toHaveBeenCalled();
});

it("shows a session that was used, and tells the other tabs; not among the archived ones", async () => {
  const list = make();
  sessions.mockResolvedValue(page(["a"]));
  await list.refresh();
  list.put(session("new", 55));
  expect(shown(list)).toEqual(["new", "a"]);
  sessions.mockResolvedValue(page([]));
  await list.show("", true);
  list.put(session("newer", 56));
  expect(shown(list)).toEqual([]);
  expect(onChange).toHaveBeenCalledTimes(2);
});

describe("a search whose answers are short", () => {
  it("goes on by itself until a page is full or its end is reached", async () => {
    const list = make();
    sessions.mockResolvedValueOnce(page([], 9)).mockResolvedValueOnce(page(["a"], 8)).mockResolvedValueOnce(page([], 7)).mockResolvedValueOnce(page(["b"]));
    await list.show("x", false);
    expect(shown(list)).toEqual(["a", "b"]);
    expect(sessions.mock.calls.map(([query]) => query?.before)).toEqual([undefined, 9, 8, 7]);
    expect(list.store.getState()).toMatchObject({ loadingMore: false, held: false, next: null });
  });

  it("asks for no more than a page", async () => {
    const list = make();
    const many = (from: string) => page(Array.from({ length: 40 }, (_, at) => from + String(at)), 5);
    sessions.mockResolvedValueOnce(many("a")).mockResolvedValueOnce(many("b"));
    await list.show("x", false);
    expect([sessions.mock.calls.length, shown(list).length, list.store.getState().held]).toEqual([2, 80, false]);
  });

  it("stops after so many answers, and goes on when the reader says so", async () => {
    const list = make();
    sessions.mockResolvedValue(page([], 9));
    await list.show("x", false);
    expect(sessions).toHaveBeenCalledTimes(1 + MOST_ANSWERS);
    expect(list.store.getState()).toMatchObject({ loadingMore: false, held: true, next: 9 });
    await list.refresh();
    expect(sessions).toHaveBeenCalledTimes(2 + MOST_ANSWERS);
    sessions.mockResolvedValueOnce(page(["a"]));
    await list.loadMore();
    expect([shown(list), list.store.getState().held]).toEqual([["a"], false]);
  });

  it("can be left where it is: what comes late is not shown", async () => {
    const list = make();
    let late: (page: SessionPage) => void = () => undefined;
    sessions.mockResolvedValueOnce(page(["a"], 9)).mockReturnValueOnce(new Promise((done) => (late = done)));
    const search = list.show("x", false);
    await vi.waitFor(() => expect(list.store.getState().loadingMore).toBe(true));
    list.hold();
    late(page(["b"], 8));
    await search;
    expect([sessions.mock.calls.length, shown(list)]).toEqual([2, ["a"]]);
    expect(list.store.getState()).toMatchObject({ loadingMore: false, held: true, next: 9 });
  });
});

describe("a server that has too much to do", () => {
  const overloaded = (seconds: number | null) => new ApiError(503, "overloaded", "", seconds);

  it("is asked again when it says, quietly", async () => {
    vi.useFakeTimers();
    const list = make();
    sessions.mockRejectedValueOnce(overloaded(3)).mockRejectedValueOnce(overloaded(null)).mockResolvedValueOnce(page(["a"]));
    const search = list.show("x", false);
    await vi.advanceTimersByTimeAsync(2999);
    expect(sessions).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect([sessions.mock.calls.length, list.store.getState().phase]).toEqual([2, "loading"]);
    await vi.advanceTimersByTimeAsync(1000);
    await search;
    expect([list.store.getState().phase, shown(list)]).toEqual(["ready", ["a"]]);
  });

  it("is not asked for ever, nor for what nobody waits for", async () => {
    vi.useFakeTimers();
    const list = make();
    sessions.mockRejectedValue(overloaded(60));
    const search = list.show("x", false);
    await vi.advanceTimersByTimeAsync(30_000 * MOST_RETRIES);
    await search;
    expect([sessions.mock.calls.length, list.store.getState().phase]).toEqual([1 + MOST_RETRIES, "unreachable"]);
    sessions.mockClear();
    const left = list.show("y", false);
    sessions.mockResolvedValue(page(["all"]));
    await list.show("", false);
    await vi.advanceTimersByTimeAsync(60_000);
    await left;
    expect([sessions.mock.calls.map(([query]) => query?.q), shown(list)]).toEqual([["y", undefined], ["all"]]);
  });
});
