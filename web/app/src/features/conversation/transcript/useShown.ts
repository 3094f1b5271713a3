import { useMemo, useState, type RefObject } from "react";
import { useChat, useServer } from "../../../shared/server.js";
import { farRows } from "./far.js";
import { around, AT_END, AT_MOST, beginning, earlier, heldOf, later, MORE, sameHeld, spanOf, trimmed, type Span } from "./window.js";

export interface Shown extends Span {
  /** The ids on the branch that are drawn. */
  readonly ids: readonly string[];
  readonly keys: readonly string[];
  /** The newest message of the branch, drawn or not. */
  readonly newest: string | undefined;
  /** Whether there are later ones that are not drawn. */
  readonly more: boolean;
  /** Draw earlier ones that are known; false if all are drawn. */
  earlier: () => boolean;
  later: () => void;
  beginning: () => void;
  /** Draw a message of the branch, and those around it. */
  around: (key: string) => void;
  /** Draw only what a reader at the end may see. */
  trim: () => void;
}

/** Which of the messages are drawn; `whole`: all of them for once. */
export function useShown(scroller: RefObject<HTMLElement | null>, whole: boolean): Shown {
  const { chat } = useServer();
  const path = useChat((state) => state.path);
  const keys = useMemo(() => {
    const { messages } = chat.store.getState();
    return path.map((id) => messages.get(id)?.key ?? id);
  }, [chat, path]);
  const [held, setHeld] = useState(AT_END);
  const span = useMemo(() => (whole ? { start: 0, end: keys.length } : spanOf(keys, held)), [keys, held, whole]);
  const { start, end } = span;
  const now = heldOf(keys, span);
  if (!whole && !sameHeld(now, held)) setHeld(now);
  const far = (side: "above" | "below"): number => (scroller.current === null || end - start + MORE <= AT_MOST ? 0 : farRows(scroller.current, side));
  return {
    start,
    end,
    ids: useMemo(() => path.slice(start, end), [path, start, end]),
    keys: keys.slice(start, end),
    newest: keys.at(-1),
    more: end < keys.length,
    earlier() {
      if (start > 0) setHeld(earlier(keys, span, far("below")));
      return start > 0;
    },
    later: () => setHeld(later(keys, span, far("above"))),
    beginning: () => setHeld(beginning(keys)),
    around(key) {
      const at = keys.indexOf(key);
      if (at >= 0) setHeld(around(keys, at));
    },
    trim: () => setHeld(trimmed(keys, span)),
  };
}
