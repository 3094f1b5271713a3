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
}

export interface ToastOptions {
  detail?: string;
  error?: boolean;
  action?: ToastAction;
  /** How long it stays, in milliseconds; null: until it is closed. Errors stay 10 s, all else 5 s. */
  ms?: number | null;
}

/** So many are shown at once; the oldest make room. */
export const MOST_TOASTS = 4;

export const toasts = createStore<readonly Toast[]>(() => []);
let last = 0;

/** Show a message at the edge of the page. Returns how to take it away. */
export function toast(text: string, { detail = "", error = false, action, ms = error ? 10_000 : 5000 }: ToastOptions = {}): () => void {
  const id = ++last;
  toasts.setState((shown) => [...shown, { id, text, detail, error, action: action ?? null }].slice(-MOST_TOASTS), true);
  if (ms !== null) setTimeout(() => dismiss(id), ms);
  return () => dismiss(id);
}

export function dismiss(id: number): void {
  toasts.setState((shown) => shown.filter((one) => one.id !== id), true);
}
