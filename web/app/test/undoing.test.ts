import type { Api, Session } from "@antiphon/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Deletions, UNDO_MS } from "../src/features/sessions/deletions.js";
import { Undoing } from "../src/features/sessions/undoing.js";
import { dismiss, hold, toast, toasts } from "../src/shared/ui/toasts.js";

const deleteSession = vi.fn<Api["deleteSession"]>();
const open = vi.fn<(id: string | null) => void>();
const back = vi.fn<(id: string) => void>();
const session = (id: string): Session => ({ id, title: id, context: {}, archived: false, turn_count: 1, created_at: "", updated_at: "" });
const deleted = () => deleteSession.mock.calls.map(([id]) => id);
const shown = () => toasts.getState().map(({ text }) => text);
let undoing: Undoing;
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetAllMocks();
  deleteSession.mockResolvedValue();
  localStorage.clear();
  const deletions = new Deletions(() => ({ deleteSession }) as unknown as Api);
  stop = deletions.start({ onRefused: () => undefined, onDone: () => undefined });
  undoing = new Undoing(deletions, {
    tell: (sessions, run, onTime) => toast(sessions.map(({ id }) => id).join(), { ms: UNDO_MS, action: { label: "Undo", run }, onTime }),
    open,
    back,
  });
});
afterEach(() => {
  stop();
  for (const { id } of toasts.getState()) dismiss(id);
  vi.useRealTimers();
});

it("tells several deletions in one message, and deletes none before the time of the last is over", async () => {
  for (const id of ["a", "b", "c", "d", "e", "f"]) {
    undoing.remove(session(id), "", false);
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect([shown(), deleted()]).toEqual([["a,b,c,d,e,f"], []]);
  await vi.advanceTimersByTimeAsync(UNDO_MS - 1001);
  expect(deleted()).toEqual([]);
  await vi.advanceTimersByTimeAsync(2);
  expect([shown(), deleted()]).toEqual([[], ["a", "b", "c", "d", "e", "f"]]);
});

it("takes all of a message back, and shows again the one that was open", async () => {
  undoing.remove(session("a"), "", false);
  undoing.remove(session("b"), "", true);
  undoing.remove(session("c"), "", false);
  toasts.getState()[0]?.action?.run();
  await vi.advanceTimersByTimeAsync(UNDO_MS * 2);
  expect([deleted(), open.mock.calls, back.mock.calls]).toEqual([[], [[null], ["b"]], [["c"]]]);
});

it("takes back the last one, and then the one before, for as long as they are there", async () => {
  undoing.remove(session("a"), "", false);
  undoing.remove(session("b"), "", false);
  expect([undoing.undoLast(), shown()]).toEqual([true, ["a"]]);
  expect([undoing.undoLast(), shown(), undoing.undoLast()]).toEqual([true, [], false]);
  undoing.remove(session("c"), "", false);
  await vi.advanceTimersByTimeAsync(UNDO_MS + 1);
  expect([undoing.undoLast(), deleted()]).toEqual([false, ["c"]]);
});

it("gives a deletion its whole time when its message is closed early or pushed out", async () => {
  undoing.remove(session("a"), "", false);
  const id = toasts.getState()[0]?.id ?? 0;
  await vi.advanceTimersByTimeAsync(1000);
  hold(id, "pointer", true);
  dismiss(id);
  await vi.advanceTimersByTimeAsync(UNDO_MS - 1001);
  expect(deleted()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(deleted()).toEqual(["a"]);
});
