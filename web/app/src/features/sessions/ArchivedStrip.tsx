import type { Session } from "@antiphon/client";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useErrorText } from "../../shared/errors.js";
import { useChat } from "../../shared/server.js";
import { onSession } from "../../shared/session_news.js";
import { Button } from "../../shared/ui/Button.js";
import { ArchiveIcon } from "../../shared/ui/icons.js";
import { toast } from "../../shared/ui/toasts.js";
import { useSessions } from "./SessionsProvider.js";

/** The open conversation, if it is archived. */
function useArchived(): Session | null {
  const id = useChat((state) => state.id);
  const [told, setTold] = useState<Session | null>(null);
  const [open, setOpen] = useState(id);
  if (open !== id) {
    setOpen(id);
    setTold(null);
  }
  // Of the open one only: others are archived from the list too.
  useEffect(() => onSession((session) => session.id === id && setTold(session)), [id]);
  return told?.archived === true ? told : null;
}

/** Says above a conversation that it is archived, and brings it back. */
export function ArchivedStrip(): ReactNode {
  const { t } = useTranslation("shell");
  const { list } = useSessions();
  const errorText = useErrorText();
  const session = useArchived();
  if (session === null) return null;
  const restore = (): void => {
    list.archive(session, false).then(
      () => toast(t("sessions.restored")),
      (error: unknown) => {
        const { text, detail } = errorText(error);
        toast(t("sessions.notArchived"), { error: true, detail: `${text} ${detail}` });
      },
    );
  };
  return (
    <div className="archived-strip" data-testid="archived">
      <ArchiveIcon />
      <p>{t("sessions.isArchived")}</p>
      <Button onClick={restore}>{t("sessions.restore")}</Button>
    </div>
  );
}
