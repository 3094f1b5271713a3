import { useEffect, useEffectEvent, type RefObject } from "react";

/** How near counts, in heights of the view: above more, as what comes there has to be loaded. */
const MARGINS = { above: "150% 0px 0px 0px", below: "0px 0px 100% 0px" };

/** Calls `onNear` when the reader is near an edge of the list; once more whenever `again` changes and it is near still. */
export function useNear(root: RefObject<HTMLElement | null>, mark: RefObject<HTMLElement | null>, side: keyof typeof MARGINS, again: unknown, onNear: () => void): void {
  const near = useEffectEvent(onNear);
  useEffect(() => {
    if (mark.current === null) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting === true && near(), { root: root.current, rootMargin: MARGINS[side] });
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, [root, mark, side, again]);
}
