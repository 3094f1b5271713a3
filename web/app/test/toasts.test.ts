import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { dismiss, hold, MOST_TOASTS, toast, toasts } from "../src/shared/ui/toasts.js";

const onTime = vi.fn<(left: number) => void>();
const shown = () => toasts.getState().map(({ text }) => text);
const newest = () => toasts.getState().at(-1)?.id ?? 0;

beforeEach(() => {
  vi.useFakeTimers();
  onTime.mockClear();
});
afterEach(() => {
  for (const { id } of toasts.getState()) dismiss(id);
  vi.useRealTimers();
});

it("goes when its time is over, and says so once", () => {
  const away = toast("a", { ms: 8000, onTime });
  vi.advanceTimersByTime(7999);
  expect(shown()).toEqual(["a"]);
  vi.advanceTimersByTime(1);
  expect(shown()).toEqual([]);
  away();
  expect(onTime.mock.calls).toEqual([[0]]);
});

it("stays while it is pointed at or focused, and after that for what was left of its time", () => {
  toast("a", { ms: 8000, onTime });
  const id = newest();
  vi.advanceTimersByTime(5000);
  hold(id, "pointer", true);
  hold(id, "focus", true);
  hold(id, "focus", true);
  vi.advanceTimersByTime(60_000);
  hold(id, "pointer", false);
  vi.advanceTimersByTime(60_000);
  hold(id, "focus", false);
  vi.advanceTimersByTime(2999);
  expect(shown()).toEqual(["a"]);
  vi.advanceTimersByTime(1);
  expect(shown()).toEqual([]);
  expect(onTime.mock.calls).toEqual([[Infinity], [3000], [0]]);
});

it("is gone when it is closed, held or not", () => {
  toast("held", { onTime });
  hold(newest(), "pointer", true);
  dismiss(newest());
  expect([shown(), onTime.mock.lastCall]).toEqual([[], [0]]);
});

it("makes room for newer ones, those with a way back last, and keeps its time all the same", () => {
  toast("way back", { ms: 8000, onTime, action: { label: "Undo", run: () => undefined } });
  for (let k = 0; k < MOST_TOASTS; k++) toast("new");
  expect(shown()).toEqual(["way back", "new", "new", "new"]);
  for (let k = 0; k < MOST_TOASTS; k++) toast("more to do", { action: { label: "Do", run: () => undefined } });
  expect([shown(), onTime.mock.calls]).toEqual([Array(MOST_TOASTS).fill("more to do"), []]);
  vi.advanceTimersByTime(8000);
  expect(onTime.mock.calls).toEqual([[0]]);
});

it("stays until it is closed where it has no time", () => {
  toast("a", { ms: null });
  hold(newest(), "pointer", true);
  hold(newest(), "pointer", false);
  vi.advanceTimersByTime(86_400_000);
  expect(shown()).toEqual(["a"]);
});
