import type { SessionItem } from "@antiphon/client";
import { ConversationList } from "@chatscope/chat-ui-kit-react";
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../shared/hooks/useFormat.js";
import { useChat } from "../../shared/server.js";
import { sessionLinks } from "./focus.js";
import { groupByDay, type Group, type Span } from "./groups.js";
import { SessionRow } from "./SessionRow.js";
import { useListState, useSessions, useShown } from "./SessionsProvider.js";

/** The reader's calendar day, kept up while the page is open over midnight. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 60_000);
    return () => clearInterval(timer);
  }, []);
  return new Date(now).setHours(12, 0, 0, 0);
}

function useSpanName(): (span: Span, now: number) => string {
  const { t } = useTranslation("shell");
  const format = useFormat();
  return (span, now) => {
    if (span.kind !== "month") return t(`sessions.${span.kind}`);
    const thisYear = new Date(span.start).getFullYear() === new Date(now).getFullYear();
    return format.date(span.start, thisYear ? { month: "long" } : { month: "long", year: "numeric" });
  };
}

interface GroupProps {
  group: Group;
  name: string;
  current: string | null;
  /** Whether a reply is under way in the current one; null: not known here. */
  currentRuns: boolean | null;
  entry: string | undefined;
  onFocus: (id: string) => void;
  onOpen: () => void;
}

function SessionGroup({ group, name, current, currentRuns, entry, onFocus, onOpen }: GroupProps): ReactNode {
  const heading = useId();
  const runs = ({ id, running = false }: SessionItem): boolean => (id === current ? (currentRuns ?? running) : running);
  return (
    <section aria-labelledby={heading}>
      <h2 id={heading}>{name}</h2>
      {/* Not its own scrolling: that is drawn by script, and it would be one for each day. */}
      <ConversationList scrollable={false}>
        {group.sessions.map((session) => (
          <SessionRow key={session.id} session={session} current={session.id === current} running={runs(session)} entry={session.id === entry} onFocus={() => onFocus(session.id)} onOpen={onOpen} />
        ))}
      </ConversationList>
    </section>
  );
}

/** Arrows, Home and End lead from session to session. */
function onListKey(event: KeyboardEvent): void {
  const links = sessionLinks();
  const at = links.indexOf(event.target as HTMLElement);
  if (at === -1 || event.altKey || event.ctrlKey || event.metaKey) return;
  const to = { ArrowDown: links[at + 1], ArrowUp: links[at - 1], Home: links[0], End: links.at(-1) }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  to.focus();
}

/** Asks for the next page when the end of the list comes near. */
function More(): ReactNode {
  const { t } = useTranslation("shell");
  const { list } = useSessions();
  const { next, loadingMore, held, query } = useListState((state) => state);
  const end = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (next === null || held || end.current === null) return;
    const watcher = new IntersectionObserver(([entry]) => entry?.isIntersecting === true && void list.loadMore(), { rootMargin: "200px" });
    watcher.observe(end.current);
    return () => watcher.disconnect();
  }, [list, next, held]);
  if (next === null || (loadingMore && query !== "")) return null;
  return (
    <button ref={end} type="button" className="button quiet more" disabled={loadingMore} onClick={() => void list.loadMore()}>
      {t(loadingMore ? "loading" : held ? "sessions.searchOn" : "sessions.more")}
    </button>
  );
}

/** The sessions by days. */
export function SessionGroups({ onOpen }: { onOpen: () => void }): ReactNode {
  const sessions = useShown();
  const current = useChat((state) => state.id);
  const currentRuns = useChat((state) => (state.phase === "ready" ? state.running !== null : null));
  const now = useNow();
  const nameOf = useSpanName();
  const [focused, setFocused] = useState<string | null>(null);
  const groups = useMemo(() => groupByDay(sessions, now), [sessions, now]);
  const entry = [focused, current].find((id) => sessions.some((session) => session.id === id)) ?? sessions[0]?.id;
  return (
    <div className="session-list" data-testid="session-list" onKeyDown={onListKey}>
      {groups.map((group) => (
        <SessionGroup key={group.key} group={group} name={nameOf(group.span, now)} current={current} currentRuns={currentRuns} entry={entry} onFocus={setFocused} onOpen={onOpen} />
      ))}
      <More />
    </div>
  );
}
