import { useCallback, useEffectEvent, useLayoutEffect, useRef, useState, type RefObject } from "react";
import { useIntent } from "../context.js";
import { Follower } from "./follower.js";
import type { Find } from "./holding.js";
import type { Shown } from "./useShown.js";

interface Following {
  follower: RefObject<Follower | null>;
  pinned: boolean;
  /** The same for as long as the list is there, as all rows get it. */
  hold: (pressed: HTMLElement, find: Find) => void;
}

/** Keeps the view where it belongs while messages come and go; and whether it goes along with the end. */
export function useFollower(scroller: RefObject<HTMLElement | null>, content: RefObject<HTMLElement | null>, shown: Shown): Following {
  const follower = useRef<Follower | null>(null);
  const [pinned, setPinned] = useState(true);
  const { ids, newest, more } = shown;
  const editing = useIntent((now) => now.editing);
  // First of all: the messages may come with one that is to be seen.
  useLayoutEffect(() => {
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
  const trim = useEffectEvent(shown.trim);
  useLayoutEffect(() => {
    if (pinned) trim();
  }, [newest, pinned]);
  // Edited from the composer, the last message may be far below what is drawn; brought back, any may be far above.
  const uncover = useEffectEvent(() => {
    if (editing === null) return;
    const form = content.current?.querySelector(".edit");
    if (form) follower.current?.reveal(form);
    else {
      follower.current?.leaveEnd();
      shown.around(editing);
    }
  });
  useLayoutEffect(() => uncover(), [editing]);
  const hold = useCallback((pressed: HTMLElement, find: Find) => follower.current?.hold(pressed, find), []);
  return { follower, pinned, hold };
}
