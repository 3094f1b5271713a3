import { useSyncExternalStore, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { exact, relative } from "./time.js";

const listeners = new Set<() => void>();
let now = Date.now();
let timer = 0;

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

/** One clock for all messages, that goes only while something shows it. */
function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    now = Date.now();
    timer = window.setInterval(tick, 30_000);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) clearInterval(timer);
  };
}

/** The time, to half a minute. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

export function Time({ at }: { at: number }): ReactNode {
  const { i18n } = useTranslation();
  const present = useNow();
  return (
    <time dateTime={new Date(at).toISOString()} title={exact(at, i18n.language)}>
      {relative(at, Math.max(present, at), i18n.language)}
    </time>
  );
}
