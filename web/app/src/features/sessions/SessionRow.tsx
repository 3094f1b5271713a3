import type { Session } from "@antiphon/client";
import { Conversation } from "@chatscope/chat-ui-kit-react";
import { useState, type KeyboardEvent, type MouseEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "wouter";
import { MoreIcon } from "../../shared/ui/icons.js";
import { Menu } from "../../shared/ui/Menu.js";
import { VisuallyHidden } from "../../shared/ui/VisuallyHidden.js";
import { RenameField } from "./RenameField.js";
import { useWaiting } from "./SessionsProvider.js";
import { useSessionActions } from "./useSessionActions.js";

interface RowProps {
  session: Session;
  /** Whether it is the one that is open. */
  current: boolean;
  running: boolean;
  /** Whether it is where Tab enters the list. */
  entry: boolean;
  onFocus: () => void;
  /** It was chosen: on phones the list goes away. */
  onOpen: () => void;
}

/** A session: a link, and what can be done with it in a menu and by keys. */
export function SessionRow({ session, current, running, entry, onFocus, onOpen }: RowProps): ReactNode {
  const { t } = useTranslation("shell");
  const [menu, setMenu] = useState(false);
  const [renaming, setRenaming] = useState(false);
  const actions = useSessionActions(session, { from: "list", current, onRename: () => setRenaming(true) });
  const waiting = useWaiting().get(session.id);
  const title = session.title === "" ? t("untitled") : session.title;
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "F2") setRenaming(true);
    else if (event.key === "Delete") actions.remove();
    else if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) setMenu(true);
    else return;
    event.preventDefault();
  };
  // By keyboard only: a right click on a link has the browser's menu, with its new tab.
  const onContextMenu = (event: MouseEvent): void => {
    if (event.button !== 2) event.preventDefault();
  };
  if (renaming) return <RenameField session={session} onDone={() => setRenaming(false)} />;
  return (
    <Conversation className="session" active={current} data-testid="session" data-id={session.id} data-running={running || undefined} onFocus={onFocus}>
      <Conversation.Content>
        <Link href={`/c/${encodeURIComponent(session.id)}`} className="session-link" data-session-link={session.id} aria-current={current ? "page" : undefined} tabIndex={entry ? 0 : -1} onClick={onOpen} onKeyDown={onKeyDown} onContextMenu={onContextMenu}>
          <span dir="auto" className="session-title" title={title}>
            {title}
          </span>
          {waiting && <span className="session-waiting"> {t(waiting.count > 0 ? "sessions.waiting" : "sessions.unsent")}</span>}
          {running && <VisuallyHidden> {t("sessions.running")}</VisuallyHidden>}
        </Link>
      </Conversation.Content>
      <Conversation.Operations visible>
        <Menu label={t("sessions.menuOf", { title })} icon={<MoreIcon />} items={actions.items} open={menu} onOpenChange={setMenu} testId="session-menu" tabIndex={entry ? 0 : -1} />
      </Conversation.Operations>
    </Conversation>
  );
}
