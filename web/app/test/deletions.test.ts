import { type Api, ApiError } from "@antiphon/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Deletions, LONGEST_HOLD, type Outcome, UNDO_MS } from "../src/features/sessions/deletions.js";

const deleteSession = vi.fn<Api["deleteSession"]>();
const outcome = { onRefused: vi.fn<Outcome["onRefused"]>(), onDone: vi.fn<Outcome["onDone"]>() };
const stops: (() => void)[] = [];

function begin(): Deletions {
  const deletions = new Deletions(() => ({ deleteSession }) as unknown as Api);
  stops.push(deletions.start(outcome));
  return deletions;
}

const pending = (deletions: Deletions) => deletions.store.getState().map(({ id }) => id);
const other = (key: string) => dispatchEvent(Object.assign(new Event("storage"), { key }));

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetAllMocks();
  deleteSession.mockResolvedValue();
  localStorage.clear();
});
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
  vi.useRealTimers();
});

it("deletes when the time to undo is over, not before", async () => {
  const deletions = begin();
  deletions.schedule("a", "");
  await vi.advanceTimersByTimeAsync(UNDO_MS - 1);
  expect(deleteSession).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(deleteSession.mock.calls).toEqual([["a", { keepalive: false }]]);
  expect(pending(deletions)).toEqual([]);
  expect(outcome.onDone).toHaveBeenCalledWith("", "a");
});

it("deletes nothing that was undone", async () => {
  const deletions = begin();
  deletions.schedule("a", "");
  deletions.undo("a", "");
  await vi.advanceTimersByTimeAsync(UNDO_MS * 2);
  expect(deleteSession).not.toHaveBeenCalled();
});

it("carries out after a reload what was begun before it, in the time that is left", async () => {
  begin().schedule("a", "https://other.example");
  for (const stop of stops.splice(0)) stop();
  await vi.advanceTimersByTimeAsync(3000);
  const after = begin();
  expect(pending(after)).toEqual(["a"]);
  await vi.advanceTimersByTimeAsync(UNDO_MS - 3001);
  expect(deleteSession).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(deleteSession).toHaveBeenCalledTimes(1);
});

it("lets the request outlive the page if it is due when the page goes", async () => {
  const deletions = begin();
  deletions.schedule("early", "", Date.now() - UNDO_MS);
  deletions.schedule("late", "");
  dispatchEvent(new Event("pagehide"));
  await vi.advanceTimersByTimeAsync(0);
  expect(deleteSession.mock.calls).toEqual([["early", { keepalive: true }]]);
});

it("tries again later where the server cannot be reached, and at once when the network is back", async () => {
  deleteSession.mockRejectedValueOnce(new ApiError(0, "unreachable", "")).mockRejectedValueOnce(new ApiError(503, "overloaded", ""));
  const deletions = begin();
  deletions.schedule("a", "");
  await vi.advanceTimersByTimeAsync(UNDO_MS);
  expect([deleteSession.mock.calls.length, pending(deletions)]).toEqual([1, ["a"]]);
  await vi.advanceTimersByTimeAsync(15_000);
  expect([deleteSession.mock.calls.length, pending(deletions)]).toEqual([2, ["a"]]);
  await vi.advanceTimersByTimeAsync(15_000);
  expect([deleteSession.mock.calls.length, pending(deletions)]).toEqual([3, []]);
});

it("takes one that is gone already for deleted, and brings back one that the server refuses to delete", async () => {
  deleteSession.mockRejectedValueOnce(new ApiError(404, "not_found", "")).mockRejectedValueOnce(new ApiError(403, "forbidden", "No."));
  const deletions = begin();
  deletions.schedule("gone", "");
  await vi.advanceTimersByTimeAsync(UNDO_MS);
  expect(outcome.onDone).toHaveBeenCalledWith("", "gone");
  deletions.schedule("kept", "");
  await vi.advanceTimersByTimeAsync(UNDO_MS);
  expect(outcome.onRefused.mock.calls.map(([error]) => error.code)).toEqual(["forbidden"]);
  expect(pending(deletions)).toEqual([]);
});

it("asks once for one that takes long, whatever else is deleted meanwhile", async () => {
  deleteSession.mockReturnValueOnce(new Promise(() => undefined));
  const deletions = begin();
  deletions.schedule("slow", "");
  await vi.advanceTimersByTimeAsync(UNDO_MS);
  deletions.schedule("b", "");
  await vi.advanceTimersByTimeAsync(UNDO_MS);
  expect(deleteSession.mock.calls.map(([id]) => id)).toEqual(["slow", "b"]);
});

it("follows the other tabs: what one deletes or takes back is so in all", async () => {
  const [one, two] = [begin(), begin()];
  one.schedule("a", "");
  other("antiphon.deletions");
  expect(pending(two)).toEqual(["a"]);
  two.undo("a", "");
  other("antiphon.deletions");
  await vi.advanceTimersByTimeAsync(UNDO_MS);
  expect(deleteSession).not.toHaveBeenCalled();
});

it("waits while its message is held, an hour at most, and for what was left of the time after it", async () => {
  const deletions = begin();
  deletions.schedule("a", "");
  deletions.schedule("b", "");
  deletions.delay("a", "", Infinity);
  deletions.delay("b", "", Infinity);
  await vi.advanceTimersByTimeAsync(UNDO_MS * 10);
  deletions.delay("a", "", 500);
  await vi.advanceTimersByTimeAsync(499);
  expect(deleteSession).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(deleteSession.mock.calls.map(([id]) => id)).toEqual(["a"]);
  await vi.advanceTimersByTimeAsync(LONGEST_HOLD - UNDO_MS * 10 - 501);
  expect(deleteSession).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(deleteSession.mock.calls.map(([id]) => id)).toEqual(["a", "b"]);
});

it("a message that goes after it was undone, or carried out, deletes nothing", async () => {
  const deletions = begin();
  deletions.schedule("a", "");
  deletions.undo("a", "");
  deletions.delay("a", "", 0);
  await vi.advanceTimersByTimeAsync(UNDO_MS);
  expect(deleteSession).not.toHaveBeenCalled();
});

it("passes over what else may stand in the storage", () => {
  localStorage.setItem("antiphon.deletions", JSON.stringify([{ id: "a" }, null, 7, { id: "b", base: "", due: Date.now() + 1000 }]));
  expect(pending(begin())).toEqual(["b"]);
});

it("what was being written in a conversation goes with it, not what is written in others", async () => {
  const kept = ["draft.a", "edit.a", "draft.b", "draft.https://other.examplea", "draft.new"].map((name) => `antiphon.${name}`);
  for (const name of kept) localStorage.setItem(name, "text");
  const deletions = begin();
  deletions.schedule("a", "");
  expect(localStorage.getItem("antiphon.draft.a")).toBe("text");
  await vi.advanceTimersByTimeAsync(UNDO_MS);
  expect(kept.filter((name) => localStorage.getItem(name) !== null)).toEqual(kept.slice(2));
});
