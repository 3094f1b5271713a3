import { useEffect, useEffectEvent, useState } from "react";
import { NARROW, useMedia } from "../shared/hooks/useMedia.js";
import { prefer, usePreferences } from "../shared/preferences.js";

export const MENU_ID = "menu";
export const SIDE_ID = "side";

export interface Drawer {
  /** Whether the sidebar is to be seen. */
  shown: boolean;
  /** Whether it lies over the page, which is out of reach meanwhile. */
  over: boolean;
  /** Where it lies over the page it does not stay: the next width begins without. */
  show: (shown: boolean) => void;
  /** Called when the reader went somewhere: what lies over the page goes away. */
  leave: () => void;
}

/** Put the focus where the reader expects it: into what opened, or back to what opened it. */
function focusLater(id: string): void {
  requestAnimationFrame(() => document.getElementById(id)?.focus());
}

/** The sidebar: beside the page where there is room, else a drawer over it. */
export function useDrawer(): Drawer {
  const narrow = useMedia(NARROW);
  const closed = usePreferences((state) => state.sidebarClosed);
  const [open, setOpen] = useState(false);
  const over = narrow && open;
  const show = (shown: boolean): void => {
    if (narrow) setOpen(shown);
    else prefer({ sidebarClosed: !shown });
    focusLater(shown ? SIDE_ID : MENU_ID);
  };
  const onEscape = useEffectEvent((event: KeyboardEvent) => {
    // A menu, a field or a window inside it takes its own Escape.
    if (event.key === "Escape" && !event.defaultPrevented && document.querySelector("dialog[open]") === null) show(false);
  });
  useEffect(() => {
    if (!over) return;
    const listener = (event: KeyboardEvent): void => onEscape(event);
    addEventListener("keydown", listener);
    return () => removeEventListener("keydown", listener);
  }, [over]);
  return { shown: narrow ? open : !closed, over, show, leave: () => setOpen(false) };
}
