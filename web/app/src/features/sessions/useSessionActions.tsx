import type { Session } from "@antiphon/client";
import { useTranslation } from "react-i18next";
import { useErrorText } from "../../shared/errors.js";
import { useServer } from "../../shared/server.js";
import { keysOf } from "../../shared/shortcuts.js";
import { ArchiveIcon, DownloadIcon, PencilIcon, RestoreIcon, TrashIcon } from "../../shared/ui/icons.js";
import type { MenuItem } from "../../shared/ui/Menu.js";
import { toast } from "../../shared/ui/toasts.js";
import { download, fileName } from "./files.js";
import { focusBeside, focusRestored } from "./focus.js";
import { useSessions } from "./SessionsProvider.js";

/** Where they are offered. */
interface Place {
  /** In the list the focus goes from row to row, and keys do the same. */
  from: "list" | "head";
  /** Whether the session is the one that is open. */
  current: boolean;
  onRename: () => void;
}

interface SessionActions {
  items: MenuItem[];
  remove: () => void;
}

/** What went wrong with a session, told in a toast under a headline. */
function useFailure(): (headline: string) => (error: unknown) => void {
  const errorText = useErrorText();
  return (headline) => (error) => {
    const { text, detail } = errorText(error);
    toast(headline, { error: true, detail: `${text} ${detail}` });
  };
}

function useRemove(session: Session, { from, current }: Place): () => void {
  const { list, undoing } = useSessions();
  return () => {
    if (from === "list") focusBeside(session.id);
    undoing.remove(session, list.base, current);
  };
}

function useArchive(session: Session, { from }: Place): () => void {
  const { t } = useTranslation("shell");
  const { list } = useSessions();
  const failure = useFailure();
  const archive = (archived: boolean): void => {
    if (from === "list") focusBeside(session.id);
    const run = (): void => {
      archive(!archived);
      if (from === "list") focusRestored(session.id);
    };
    list.archive(session, archived).then(
      () => toast(t(archived ? "sessions.archived" : "sessions.restored"), archived ? { action: { label: t("undo"), testId: "undo", run } } : {}),
      failure(t("sessions.notArchived")),
    );
  };
  return () => archive(!session.archived);
}

/** The message at which the branch that is shown ends, where this is the session shown and anything of it is stored. */
function useLeaf(current: boolean): () => string | undefined {
  const { chat } = useServer();
  return () => {
    const { path, messages } = chat.store.getState();
    return current ? path.findLast((id) => messages.get(id)?.turnId != null) : undefined;
  };
}

function useExport(session: Session, { current }: Place): (kind: "markdown" | "json") => void {
  const { t } = useTranslation("shell");
  const { list } = useSessions();
  const failure = useFailure();
  const leaf = useLeaf(current);
  return (kind) => {
    const name = session.title || t("untitled");
    const done =
      kind === "markdown"
        ? list.api.exportMarkdown(session.id, leaf()).then((text) => download(fileName(name, "md"), "text/markdown", text))
        : list.api.exportSession(session.id).then((all) => download(fileName(name, "json"), "application/json", JSON.stringify(all, null, 2)));
    done.catch(failure(t("sessions.notExported")));
  };
}

/** What can be done with a session: for its menu and its keys. */
export function useSessionActions(session: Session, place: Place): SessionActions {
  const { t } = useTranslation("shell");
  const remove = useRemove(session, place);
  const archive = useArchive(session, place);
  const save = useExport(session, place);
  const keys = (shortcut: "rename" | "delete"): Pick<MenuItem, "keys"> => (place.from === "list" ? { keys: keysOf(shortcut) } : {});
  const items: MenuItem[] = [
    { label: t("sessions.rename"), icon: <PencilIcon />, testId: "session-rename", ...keys("rename"), onSelect: place.onRename },
    session.archived
      ? { label: t("sessions.restore"), icon: <RestoreIcon />, testId: "session-archive", onSelect: archive }
      : { label: t("sessions.archive"), icon: <ArchiveIcon />, testId: "session-archive", onSelect: archive },
    { label: t("sessions.exportMarkdown"), icon: <DownloadIcon />, testId: "session-export-markdown", onSelect: () => save("markdown") },
    { label: t("sessions.exportJson"), icon: <DownloadIcon />, testId: "session-export-json", onSelect: () => save("json") },
    { label: t("sessions.delete"), icon: <TrashIcon />, testId: "session-delete", ...keys("delete"), onSelect: remove },
  ];
  return { items, remove };
}
