import { useCallback, useSyncExternalStore } from "react";

/** Up to this width the sidebar is a drawer over the page; the same number is in styles/layout.css. */
export const NARROW = "(max-width: 48rem)";

/** Whether a media query holds now. */
export function useMedia(query: string): boolean {
  const subscribe = useCallback(
    (changed: () => void) => {
      const list = matchMedia(query);
      list.addEventListener("change", changed);
      return () => list.removeEventListener("change", changed);
    },
    [query],
  );
  return useSyncExternalStore(subscribe, () => matchMedia(query).matches);
}
