import { useEffect, useRef, type RefObject } from "react";
import { flushSync } from "react-dom";
import { useTranslation } from "react-i18next";
import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import { announce } from "../../../shared/announce.js";
import { useServer } from "../../../shared/server.js";
import { toast } from "../../../shared/ui/toasts.js";
import { whenIdle } from "../rich/idle.js";
import type { Follower } from "./follower.js";

/** Paper has no window on the messages: while it is printed all are drawn. */
const whole = createStore<boolean>(() => false);

export function useWhole(): boolean {
  return useStore(whole);
}

/** Draw all messages, or those around the reader again, before this returns: the browser prints what is there then. */
function draw(all: boolean): void {
  flushSync(() => whole.setState(all, true));
}

/** Has all messages drawn while the browser prints, and the reader back in place after it. */
export function usePrinting(follower: RefObject<Follower | null>): void {
  useEffect(() => {
    const stop = new AbortController();
    let back: (() => void) | undefined;
    const before = (): void => {
      back = follower.current?.place();
      draw(true);
    };
    const after = (): void => {
      draw(false);
      back?.();
    };
    // Captured, so that what the messages drawn here have to do before printing is still to come.
    addEventListener("beforeprint", before, { capture: true, signal: stop.signal });
    addEventListener("afterprint", after, { signal: stop.signal });
    return () => {
      stop.abort();
      whole.setState(false, true);
    };
  }, [follower]);
}

/** Formulas and colours come in idle time, in a few steps one after the other. */
const STEPS = 4;

async function finishing(): Promise<void> {
  for (let step = 0; step < STEPS; step++) await new Promise<void>(whenIdle);
}

/** Print the whole conversation; what is not loaded yet is loaded first. */
export function usePrint(): () => void {
  const { t } = useTranslation("conversation");
  const { chat } = useServer();
  const busy = useRef(false);
  const print = async (): Promise<void> => {
    const { id } = chat.store.getState();
    const isOpen = (): boolean => chat.store.getState().id === id;
    if (chat.store.getState().hasOlder) announce(t("earlierLoading"));
    while (isOpen() && chat.store.getState().hasOlder) await chat.loadOlder();
    if (!isOpen()) return;
    if (chat.store.getState().path.length > 0) draw(true);
    await finishing();
    if (isOpen()) window.print();
  };
  return () => {
    if (busy.current) return;
    busy.current = true;
    print()
      .catch(() => toast(t("printFailed"), { error: true }))
      .finally(() => (busy.current = false));
  };
}
