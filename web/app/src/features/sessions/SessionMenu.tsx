import type { Session } from "@antiphon/client";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { MoreIcon, PrintIcon } from "../../shared/ui/icons.js";
import { Menu } from "../../shared/ui/Menu.js";
import { useOpened } from "./useOpened.js";
import { useSessionActions } from "./useSessionActions.js";

interface SessionMenuProps {
  onRename: () => void;
  onPrint: () => void;
}

function MenuOf({ session, onRename, onPrint }: SessionMenuProps & { session: Session }): ReactNode {
  const { t } = useTranslation("shell");
  const [open, setOpen] = useState(false);
  const { items } = useSessionActions(session, { from: "head", current: true, onRename });
  const print = { label: t("sessions.print"), icon: <PrintIcon />, testId: "session-print", onSelect: onPrint };
  const title = session.title === "" ? t("untitled") : session.title;
  return <Menu label={t("sessions.menuOf", { title })} icon={<MoreIcon />} items={items.toSpliced(-1, 0, print)} open={open} onOpenChange={setOpen} testId="conversation-menu" />;
}

/** What can be done with the conversation that is open, for its head; nothing in one that has not begun. */
export function SessionMenu(props: SessionMenuProps): ReactNode {
  const session = useOpened();
  return session !== null && <MenuOf key={session.id} session={session} {...props} />;
}
