import type { Session } from "@antiphon/client";
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useErrorText } from "../../shared/errors.js";
import { useServer } from "../../shared/server.js";
import { toast } from "../../shared/ui/toasts.js";
import { focusSession } from "./focus.js";
import { useSessions } from "./SessionsProvider.js";

/** The server's bound of a title, in characters. */
const MOST_CHARACTERS = 200;

/** A session's name as a field in its place: Enter and leaving it save, Escape does not. */
export function RenameField({ session, onDone }: { session: Session; onDone: () => void }): ReactNode {
  const { t } = useTranslation("shell");
  const errorText = useErrorText();
  const { chat } = useServer();
  const { list } = useSessions();
  const [title, setTitle] = useState(session.title);
  const field = useRef<HTMLInputElement>(null);
  const over = useRef(false);
  useEffect(() => field.current?.select(), []);
  const finish = (save: boolean, back: boolean): void => {
    // Leaving by Enter or Escape takes the focus away, which would save once more, or after all.
    if (over.current) return;
    over.current = true;
    const name = title.trim();
    onDone();
    if (back) focusSession(session.id);
    if (!save || name === "" || name === session.title) return;
    // The open one by the conversation, which shows its name too.
    const renamed = chat.store.getState().id === session.id ? chat.rename(name) : list.rename(session.id, name);
    renamed.catch((error: unknown) => {
      const { text, detail } = errorText(error);
      toast(t("sessions.notRenamed"), { error: true, detail: `${text} ${detail}` });
    });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    event.stopPropagation();
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter") finish(true, true);
    else if (event.key === "Escape") finish(false, true);
  };
  return (
    <input
      ref={field}
      autoFocus
      className="rename"
      data-testid="rename-text"
      aria-label={t("sessions.newName")}
      dir="auto"
      maxLength={MOST_CHARACTERS}
      value={title}
      onChange={(event) => setTitle(event.target.value)}
      onKeyDown={onKeyDown}
      onBlur={() => finish(true, false)}
    />
  );
}
