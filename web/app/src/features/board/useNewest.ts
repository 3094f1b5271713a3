import type { Post } from "@antiphon/client";
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";

/** How near to its end a list counts as read to the end, in pixels. */
const NEAR = 48;

/** The posts after the one with that id; none if it is gone. Ids are compared for equality only: some boards' are no numbers. */
export function after(posts: readonly Post[], id: Post["id"]): readonly Post[] {
  const index = posts.findLastIndex((post) => post.id === id);
  return index < 0 ? [] : posts.slice(index + 1);
}

export interface Newest {
  /** For the element that scrolls. */
  scroller: RefObject<HTMLDivElement | null>;
  onScroll: () => void;
  /** How many posts came since the reader was at the end. */
  unseen: number;
  toNewest: () => void;
}

/**
 * Keeps the newest post in sight of who is at the end, and the same posts under the eyes of who is not, also when
 * older ones are put above them.
 */
export function useNewest(posts: readonly Post[]): Newest {
  const scroller = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const before = useRef<{ first: Post["id"] | undefined; height: number }>({ first: undefined, height: 0 });
  const [seen, setSeen] = useState<Post["id"] | null>(null);
  const last = posts.at(-1)?.id ?? null;
  const first = posts[0]?.id;

  const toNewest = useCallback(() => {
    const element = scroller.current;
    if (element) element.scrollTop = element.scrollHeight;
    atEnd.current = true;
  }, []);
  const onScroll = useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR;
    if (atEnd.current) setSeen(last);
  }, [last]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    if (atEnd.current) {
      toNewest();
      setSeen(last);
    } else if (before.current.first !== undefined && first !== before.current.first) {
      // The browser anchors what it shows by itself, but not at the very top, where older posts are asked for.
      element.scrollTop += element.scrollHeight - before.current.height;
    }
    before.current = { first, height: element.scrollHeight };
  }, [posts, first, last, toNewest]);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    // A keyboard that opens, or a form that grows, must not hide the end.
    const observer = new ResizeObserver(() => atEnd.current && toNewest());
    observer.observe(element);
    return () => observer.disconnect();
  }, [toNewest]);

  const unseen = seen === null ? 0 : after(posts, seen).length;
  return { scroller, onScroll, unseen, toNewest };
}
