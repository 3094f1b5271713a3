import { useEffect, type ReactNode } from "react";
import { useLocation } from "wouter";
import { Conversation } from "../features/conversation/index.js";
import { ArchivedStrip, SessionMenu } from "../features/sessions/index.js";
import { useServer } from "../shared/server.js";
import { NoPage } from "./NoPage.js";

/** The id of the session that an address names; null: a new conversation; undefined: it is not an address's writing. */
function sessionOf(path: string): string | null | undefined {
  const id = /^\/c\/([^/]+)/.exec(path)?.[1];
  try {
    return id === undefined ? null : decodeURIComponent(id);
  } catch {
    return undefined;
  }
}

/** Keeps the conversation shown and the address in step. */
function useAddress(): void {
  const { chat } = useServer();
  const [path, navigate] = useLocation();
  useEffect(() => {
    const id = sessionOf(path);
    if (id === undefined) return;
    if (chat.store.getState().id === id && id !== null) return;
    if (id === null) chat.startNew();
    else void chat.open(id);
  }, [chat, path]);
  useEffect(
    () =>
      chat.store.subscribe(({ id }, before) => {
        const named = sessionOf(location.pathname);
        // A new conversation was given its id: the address is its name from now on, and going back does not lead here.
        // So it is where the session of the address is missing, and what is said there begins another.
        const begun = named === null || (before.phase === "missing" && named === before.id);
        if (id !== null && id !== before.id && begun) navigate(`/c/${encodeURIComponent(id)}`, { replace: true });
      }),
    [chat, navigate],
  );
}

export function ChatPage({ leading }: { leading: ReactNode }): ReactNode {
  const [path] = useLocation();
  useAddress();
  if (sessionOf(path) === undefined) {
    return (
      <>
        <div className="bar">{leading}</div>
        <NoPage />
      </>
    );
  }
  return (
    <>
      <ArchivedStrip />
      <Conversation leading={leading} actions={({ rename, print }) => <SessionMenu onRename={rename} onPrint={print} />} />
    </>
  );
}
