import { useEffectEvent, useLayoutEffect, useRef } from "react";
import { useChat, useServer } from "../../../shared/server.js";

interface ToStart {
  /** Go to the very first message, which may have to be loaded. */
  begin: () => void;
  /** The reader has gone elsewhere in the meantime. */
  cancel: () => void;
}

/** The way to the first message. `show` shows the first of those known. */
export function useToStart(show: () => void): ToStart {
  const { chat } = useServer();
  const hasOlder = useChat((state) => state.hasOlder);
  const loading = useChat((state) => state.loadingOlder);
  const first = useChat((state) => state.path[0]);
  const wanted = useRef(false);
  const want = (is: boolean): void => {
    wanted.current = is;
  };
  const go = (): void => {
    show();
    if (!hasOlder) want(false);
    else if (!loading) chat.loadOlder().catch(() => want(false));
  };
  const goOn = useEffectEvent(() => wanted.current && go());
  useLayoutEffect(() => void goOn(), [hasOlder, loading, first]);
  return {
    begin() {
      want(true);
      go();
    },
    cancel: () => want(false),
  };
}
