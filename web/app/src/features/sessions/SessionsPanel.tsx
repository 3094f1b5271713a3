import { useDeferredValue, useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../shared/announce.js";
import { SHORTCUTS, withKeys } from "../../shared/shortcuts.js";
import { Button, IconButton } from "../../shared/ui/Button.js";
import { ArchiveIcon, ChevronLeftIcon, CloseIcon, SearchIcon, UploadIcon } from "../../shared/ui/icons.js";
import { SessionGroups } from "./SessionGroups.js";
import { useListState, useSessions, useShown } from "./SessionsProvider.js";
import { useImport } from "./useImport.js";

/** The search waits for a pause in typing of so many milliseconds. */
const PAUSE_MS = 250;
export const SEARCH_ID = "session-search";

/** Ask when the reader has stopped typing; at once when the field was emptied. */
function useSearch(archived: boolean): [string, (text: string) => void] {
  const { list } = useSessions();
  const [text, setText] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => void list.show(text.trim(), archived), text === "" ? 0 : PAUSE_MS);
    return () => clearTimeout(timer);
  }, [list, text, archived]);
  return [text, setText];
}

/** How many were found, and that nothing is there. Said aloud when a search is done. */
function Found(): ReactNode {
  const { t } = useTranslation("shell");
  const { list } = useSessions();
  const count = useShown().length;
  const { phase, query, next, archived, loadingMore } = useListState((state) => state);
  const searching = query !== "" && (phase === "loading" || loadingMore);
  const text = found();
  const settled = useDeferredValue(text);
  useEffect(() => {
    if (query !== "" && settled !== "") announce(settled);
  }, [query, settled]);
  if (text === "") return null;
  return (
    <div className="sessions-note">
      <p>{text}</p>
      {searching && loadingMore && (
        <Button look="quiet" onClick={() => list.hold()}>
          {t("sessions.searchStop")}
        </Button>
      )}
    </div>
  );

  function found(): string {
    if (searching) return t("sessions.searching");
    if (phase === "loading") return count > 0 ? "" : t("loading");
    if (phase === "unreachable") return t("sessions.unreachable");
    if (query !== "" && next !== null) return t("sessions.foundSoFar", { shown: count });
    if (query !== "") return count === 0 ? t("sessions.noneFound") : t("sessions.found", { count });
    return count > 0 ? "" : t(archived ? "sessions.noneArchived" : "sessions.none");
  }
}

function SearchField({ text, onChange }: { text: string; onChange: (text: string) => void }): ReactNode {
  const { t } = useTranslation("shell");
  const label = useId();
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || text === "") return;
    event.stopPropagation();
    onChange("");
  };
  return (
    <div className="session-search" role="search">
      <SearchIcon />
      <label id={label} htmlFor={SEARCH_ID} className="sr">
        {t("sessions.search")}
      </label>
      <input id={SEARCH_ID} type="search" {...withKeys(t("sessions.search"), "search")} data-testid="session-search" placeholder={t("sessions.find")} autoComplete="off" dir="auto" maxLength={200} value={text} onChange={(event) => onChange(event.target.value)} onKeyDown={onKeyDown} />
      {text === "" ? (
        <kbd aria-hidden="true" dir="ltr">
          {SHORTCUTS.search.join(" ")}
        </kbd>
      ) : (
        <IconButton
          label={t("sessions.clear")}
          icon={<CloseIcon />}
          onClick={() => {
            onChange("");
            document.getElementById(SEARCH_ID)?.focus();
          }}
        />
      )}
    </div>
  );
}

/** All conversations: found, archived, brought in from files. `onOpen` is called when one was chosen. */
export function SessionsPanel({ onOpen }: { onOpen: () => void }): ReactNode {
  const { t } = useTranslation("shell");
  const [archived, setArchived] = useState(false);
  const [text, setText] = useSearch(archived);
  const chooser = useRef<HTMLInputElement>(null);
  const { take, dropping, drop } = useImport();
  return (
    <section className="sessions" aria-label={t("sessions.label")} data-dropping={dropping || undefined} {...drop}>
      <div className="sessions-tools">
        <SearchField text={text} onChange={setText} />
        <IconButton label={t("sessions.showArchived")} icon={<ArchiveIcon />} aria-pressed={archived} data-testid="show-archived" onClick={() => setArchived(!archived)} />
        <IconButton label={t("sessions.import")} icon={<UploadIcon />} onClick={() => chooser.current?.click()} />
        <input
          ref={chooser}
          type="file"
          hidden
          accept=".json,application/json"
          aria-label={t("sessions.import")}
          data-testid="session-import"
          onChange={(event) => {
            void take(event.target.files);
            event.target.value = ""; // The same file again is a change again.
          }}
        />
      </div>
      {archived && (
        <div className="archive-head">
          <IconButton label={t("sessions.backToAll")} icon={<ChevronLeftIcon />} data-testid="leave-archive" onClick={() => setArchived(false)} />
          <h2>{t("sessions.archiveTitle")}</h2>
        </div>
      )}
      <Found />
      <SessionGroups onOpen={onOpen} />
      {dropping && <p className="drop-note">{t("sessions.dropHere")}</p>}
    </section>
  );
}
