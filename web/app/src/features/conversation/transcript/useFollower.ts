import { useEffect, useEffectEvent, useLayoutEffect, useRef, useState, type RefObject } from "react";
import { useIntent } from "../context.js";
import { Follower } from "./follower.js";
import type { Shown } from "./useShown.js";

/** Keeps the view where it belongs while messages come and go; and whether it goes along with the end. */
export function useFollower(scroller: RefObject<HTMLElement | null>, content: RefObject<HTMLElement | null>, shown: Shown): { follower: RefObject<Follower | null>; pinned: boolean } {
  const follower = useRef<Follower | null>(null);
  const [pinned, setPinned] = useState(true);
  const { ids, keys, newest, more } = shown;
  const editing = useIntent((now) => now.editing);
  useEffect(() => {
    if (scroller.current === null || content.current === null) return;
    const own = new Follower(scroller.current, content.current, setPinned);
    follower.current = own;
    own.toEnd();
    return () => own.destroy();
  }, [scroller, content]);
  useLayoutEffect(() => follower.current?.keep(more), [ids, more]);
  useLayoutEffect(() => {
    // What the reader sends is looked at; what comes from elsewhere does not move who reads above.
    if (newest?.startsWith("local-")) follower.current?.toEnd();
  }, [newest]);
  // Edited from the composer, the last message may be far below what is drawn.
  const uncover = useEffectEvent(() => editing !== null && !keys.includes(editing) && follower.current?.toEnd());
  useLayoutEffect(() => void uncover(), [editing]);
  const trim = useEffectEvent(shown.trim);
  useLayoutEffect(() => {
    if (pinned) trim();
  }, [newest, pinned]);
  return { follower, pinned };
}
