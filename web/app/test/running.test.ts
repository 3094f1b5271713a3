import { type Api, type Chat, type SessionItem, type SessionState } from "@antiphon/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createStore } from "zustand/vanilla";
import { ASK_MS, followRunning, REST_MS } from "../src/features/sessions/running.js";
import { SessionList } from "../src/features/sessions/session_list.js";

vi.mock("../src/shared/offline.js", () => ({ saveList: () => Promise.resolve(), loadList: () => Promise.resolve([]) }));

const item = (id: string, running?: boolean): SessionItem => ({ id, title: id, context: {}, archived: false, turn_count: 1, created_at: "", updated_at: "2026-03-01T10:00:00.000Z", ...(running === undefined ? {} : { running }) });
const sessions = vi.fn<Api["sessions"]>();
let told: SessionItem[];
let list: SessionList;
let end: () => void;
const store = createStore<Pick<SessionState, "id" | "running" | "phase">>(() => ({ id: null, running: null, phase: "new" }));
const marked = () => list.store.getState().sessions.filter(({ running }) => running === true).map(({ id }) => id);
const asked = () => sessions.mock.calls.length;
const visible = (state: "visible" | "hidden") => vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);

beforeEach(async () => {
  vi.useFakeTimers();
  visible("visible");
  store.setState({ id: null, running: null, phase: "new" }, true);
  sessions.mockReset().mockImplementation(() => Promise.resolve({ sessions: told, next_before: null }));
  list = new SessionList({ sessions } as unknown as Api, "");
  told = [item("a", true), item("b", false)];
  await list.refresh();
  sessions.mockClear();
  end = followRunning(list, { store } as unknown as Chat);
});
afterEach(() => {
  end();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it("asks for the list often while a reply is under way elsewhere, and seldom after that", async () => {
  await vi.advanceTimersByTimeAsync(ASK_MS * 2);
  expect([asked(), marked()]).toEqual([2, ["a"]]);
  told = [item("a", false), item("b", false)];
  await vi.advanceTimersByTimeAsync(REST_MS);
  expect([asked(), marked()]).toEqual([3, []]);
  told = [item("made on a phone", false)];
  await vi.advanceTimersByTimeAsync(ASK_MS);
  expect([asked(), list.store.getState().sessions.map(({ id }) => id)]).toEqual([4, ["made on a phone"]]);
  vi.spyOn(navigator, "onLine", "get").mockReturnValue(false);
  await vi.advanceTimersByTimeAsync(REST_MS * 2);
  expect(asked()).toBe(4);
});

it("asks nothing of a server that does not tell, nor for the reply that is seen here", async () => {
  told = [item("a"), item("b")];
  await list.refresh();
  store.setState({ id: "a", phase: "ready", running: "msg_1" });
  expect(marked()).toEqual(["a"]);
  sessions.mockClear();
  await vi.advanceTimersByTimeAsync(ASK_MS * 5);
  expect(asked()).toBe(0);
  store.setState({ running: null });
  expect(marked()).toEqual([]);
});

it("keeps the mark of a session that is left, and asks for it from then on", async () => {
  told = [item("a", false), item("b", false)];
  await list.refresh();
  store.setState({ id: "a", phase: "ready", running: "msg_1" });
  store.setState({ id: "b", phase: "loading", running: null });
  expect(marked()).toEqual(["a"]);
  sessions.mockClear();
  await vi.advanceTimersByTimeAsync(ASK_MS);
  expect([asked(), marked()]).toEqual([1, []]);
});

it("asks nothing while the page is hidden, while a search is shown, or while it waits for an answer", async () => {
  visible("hidden");
  await vi.advanceTimersByTimeAsync(ASK_MS * 3);
  expect(asked()).toBe(0);
  visible("visible");
  sessions.mockReturnValueOnce(new Promise(() => undefined));
  await vi.advanceTimersByTimeAsync(ASK_MS * 5);
  expect(asked()).toBe(1);
  await list.show("x", false);
  sessions.mockClear();
  await vi.advanceTimersByTimeAsync(ASK_MS * 3);
  expect(asked()).toBe(0);
});
