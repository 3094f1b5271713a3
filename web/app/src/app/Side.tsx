import { Sidebar } from "@chatscope/chat-ui-kit-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "wouter";
import { SessionsPanel } from "../features/sessions/index.js";
import { useServer } from "../shared/server.js";
import { withKeys } from "../shared/shortcuts.js";
import { Button, IconButton } from "../shared/ui/Button.js";
import { BoardIcon, ChatIcon, MarkIcon, PlusIcon, SettingsIcon, SidebarIcon, StatusIcon } from "../shared/ui/icons.js";
import { focusComposer } from "./focusComposer.js";
import { SIDE_ID, type Drawer } from "./useDrawer.js";

/** Chat or board, where the server has both. */
function Places({ path, onLeave }: { path: string; onLeave: () => void }): ReactNode {
  const { t } = useTranslation("shell");
  const { chat } = useServer();
  const board = path.startsWith("/board");
  const open = chat.store.getState().id;
  return (
    <div className="places">
      <Link href={open === null ? "/" : `/c/${encodeURIComponent(open)}`} aria-current={board || path.startsWith("/status") ? undefined : "true"} onClick={onLeave}>
        <ChatIcon /> {t("chat")}
      </Link>
      <Link href="/board" aria-current={board ? "page" : undefined} onClick={onLeave}>
        <BoardIcon /> {t("board")}
      </Link>
    </div>
  );
}

function Foot({ onSettings, onLeave }: { onSettings: () => void; onLeave: () => void }): ReactNode {
  const { t } = useTranslation("shell");
  const { server, settings } = useServer();
  return (
    <div className="side-foot">
      <Button look="quiet" data-testid="settings" onClick={onSettings}>
        <SettingsIcon /> {t("settings.title")}
      </Button>
      {server.kind === "antiphon" && settings?.status === true && (
        <Link href="/status" className="button quiet" onClick={onLeave}>
          <StatusIcon /> {t("status")}
        </Link>
      )}
    </div>
  );
}

/** The sidebar: conversations, and the ways to all else. */
export function Side({ drawer, onSettings }: { drawer: Drawer; onSettings: () => void }): ReactNode {
  const { t } = useTranslation("shell");
  const { server } = useServer();
  const [path, navigate] = useLocation();
  const begin = (): void => {
    drawer.leave();
    navigate("/");
    focusComposer();
  };
  return (
    <Sidebar position="left" scrollable={false} id={SIDE_ID} role="navigation" tabIndex={-1} aria-label={t("sidebar")} inert={!drawer.shown} className="side">
      <div className="side-head">
        <p className="brand">
          <MarkIcon /> Antiphon
        </p>
        <IconButton label={t("closeSidebar")} icon={<SidebarIcon />} shortcut="sidebar" onClick={() => drawer.show(false)} />
      </div>
      {server.kind === "antiphon" ? (
        <>
          <Button className="new-chat" data-testid="new-chat" {...withKeys(t("newChat"), "new")} onClick={begin}>
            <PlusIcon /> {t("newChat")}
          </Button>
          <Places path={path} onLeave={drawer.leave} />
          <SessionsPanel onOpen={drawer.leave} />
        </>
      ) : (
        <p className="side-note">{t("boardOnly", { name: server.name })}</p>
      )}
      <Foot onSettings={onSettings} onLeave={drawer.leave} />
    </Sidebar>
  );
}
