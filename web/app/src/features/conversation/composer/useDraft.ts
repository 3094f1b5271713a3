import { useEffect, useLayoutEffect, useMemo, useRef } from "react";
import { useChat, useServer } from "../../../shared/server.js";
import { Draft } from "./draft.js";

/** The draft of the open conversation; another `conversation` brings its own. */
export function useDraft(conversation: number): Draft {
  const { server } = useServer();
  const session = useChat((state) => state.id);
  const draft = useMemo(() => new Draft(server.url), [server.url]);
  const shown = useRef<{ draft: Draft; conversation: number } | null>(null);
  useLayoutEffect(() => {
    const before = shown.current;
    shown.current = { draft, conversation };
    if (before?.draft === draft && before.conversation === conversation && session !== null) draft.adopt(session);
    else draft.open(session);
  }, [draft, conversation, session]);
  useEffect(() => {
    const flush = (): void => draft.flush();
    addEventListener("pagehide", flush);
    return () => {
      removeEventListener("pagehide", flush);
      flush();
    };
  }, [draft]);
  return draft;
}
