import { type Api, ApiError, type Session, type SessionPage } from "@antiphon/client";
import { beforeEach, expect, it, vi } from "vitest";
import { SessionList } from "../src/features/sessions/session_list.js";

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
