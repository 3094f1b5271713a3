import { createStore } from "zustand/vanilla";

export interface Toast {
  readonly id: number;
  readonly text: string;
  /** A second line, such as what the server said. */
  readonly detail: string;
  readonly error: boolean;
  readonly action: ToastAction | null;
}

export interface ToastAction {
  label: string;
  run: () => void;
  testId?: string;
  /** A combination of keys that does the same, as it is written for readers. */
  keys?: string;
}

export interface ToastOptions {
  detail?: string;
  error?: boolean;
  action?: ToastAction;
  /** How long it stays, in milliseconds; null: until it is closed. Errors stay 10 s, all else 5 s. */
  ms?: number | null;
  /** Told how long it still stays, in milliseconds, when that changes: Infinity while it is held, 0 when it goes. */
  onTime?: (left: number) => void;
}

/** What holds a toast: it stays for as long as one of them does (WCAG 2.2.1). */
export type Hold = "pointer" | "focus";

/** How long a toast still stays. Its timer runs since `since`, and not at all while something holds it. */
interface Clock {
  left: number;
  since: number;
  timer: number;
  readonly holds: Set<Hold>;
  readonly onTime: (left: number) => void;
}

/** So many are shown at once. The oldest make room, those with nothing to do first; what they wait for keeps its time. */
export const MOST_TOASTS = 4;

export const toasts = createStore<readonly Toast[]>(() => []);
const clocks = new Map<number, Clock>();
let last = 0;

/** Show a message at the edge of the page. Returns how to take it away. */
export function toast(text: string, { detail = "", error = false, action, ms = error ? 10_000 : 5000, onTime = () => undefined }: ToastOptions = {}): () => void {
  const id = ++last;
  if (ms !== null) {
    const clock: Clock = { left: ms, since: 0, timer: 0, holds: new Set(), onTime };
    clocks.set(id, clock);
    run(id, clock);
  }
  const shown = [...toasts.getState(), { id, text, detail, error, action: action ?? null }];
  while (shown.length > MOST_TOASTS) {
    const [out] = shown.splice(Math.max(0, shown.slice(0, -1).findIndex((one) => one.action === null)), 1);
    // Nobody can point at it or be in it any more, and its going tells nothing of that.
    if (out !== undefined) for (const by of ["pointer", "focus"] as const) hold(out.id, by, false);
  }
  toasts.setState(shown, true);
  return () => dismiss(id);
}

function run(id: number, clock: Clock): void {
  clock.since = Date.now();
  clock.timer = window.setTimeout(() => dismiss(id), clock.left);
}

/** Hold a toast, or let it go: then it stays for what was left of its time. */
export function hold(id: number, by: Hold, held: boolean): void {
  const clock = clocks.get(id);
  if (clock === undefined || clock.holds.has(by) === held) return;
  const before = clock.holds.size;
  if (held) clock.holds.add(by);
  else clock.holds.delete(by);
  if (before === 0) {
    clearTimeout(clock.timer);
    clock.left = Math.max(0, clock.left - (Date.now() - clock.since));
    clock.onTime(Infinity);
  } else if (clock.holds.size === 0) {
    run(id, clock);
    clock.onTime(clock.left);
  }
}

export function dismiss(id: number): void {
  toasts.setState((shown) => shown.filter((one) => one.id !== id), true);
  stop(id);
}

function stop(id: number): void {
  const clock = clocks.get(id);
  if (clock === undefined) return;
  clearTimeout(clock.timer);
  clocks.delete(id);
  clock.onTime(0);
}
