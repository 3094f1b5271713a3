import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useErrorText } from "../../shared/errors.js";
import { Button } from "../../shared/ui/Button.js";
import { ArchiveIcon } from "../../shared/ui/icons.js";
import { toast } from "../../shared/ui/toasts.js";
import { useSessions } from "./SessionsProvider.js";
import { useOpened } from "./useOpened.js";

/** Says above a conversation that it is archived, and brings it back. */
export function ArchivedStrip(): ReactNode {
  const { t } = useTranslation("shell");
  const { list } = useSessions();
  const errorText = useErrorText();
  const session = useOpened();
  if (session?.archived !== true) return null;
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
