import type { Session, SessionItem, SessionPage, Waiting } from "@antiphon/client";

interface Shown {
  sessions: readonly SessionItem[];
  next: SessionPage["next_before"];
}

/**
 * The newest page over what is shown. What the page covers is as the page says: a session that is not there any more
 * was deleted, archived or has another place; what is older than the page stays as it was read, but for its mark: a
 * reply under way makes a session one of the newest, so that out there it is over.
 */
export function mergeFirstPage(shown: Shown, page: SessionPage): Shown {
  if (page.next_before === null) return { sessions: page.sessions, next: null };
  // A search may answer with nothing yet, which covers nothing.
  const oldest = page.sessions.at(-1)?.updated_at;
  const covered = new Set(page.sessions.map(({ id }) => id));
  const older = shown.sessions.filter((one) => (oldest === undefined || one.updated_at < oldest) && !covered.has(one.id));
  const rest = older.map((one) => (one.running === true ? { ...one, running: false } : one));
  return { sessions: [...page.sessions, ...rest], next: older.length > 0 ? shown.next : page.next_before };
}

/** The sessions with one changed or new, in order of use. Its mark stays. */
export function upsert(sessions: readonly SessionItem[], session: Session): SessionItem[] {
  const running = sessions.find(({ id }) => id === session.id)?.running ?? false;
  const others = sessions.filter(({ id }) => id !== session.id);
  const place = others.findIndex((one) => one.updated_at <= session.updated_at);
  return others.toSpliced(place === -1 ? others.length : place, 0, { ...session, running });
}

/** The list with the sessions that exist only here: begun and not made yet, or gone with something left to be sent. */
export function withUnmade(list: Shown & { query: string; archived: boolean }, waiting: ReadonlyMap<string, Waiting>): readonly SessionItem[] {
  const { sessions, next, query, archived } = list;
  if (query !== "" || archived) return sessions;
  const known = new Set(sessions.map(({ id }) => id));
  const isUnmade = ({ title, count }: Waiting): boolean => title !== null || (count === 0 && next === null);
  const unmade = [...waiting].flatMap(([id, one]): SessionItem[] => {
    if (known.has(id) || !isUnmade(one)) return [];
    const at = new Date(one.since).toISOString();
    return [{ id, title: one.title ?? "", context: {}, archived: false, turn_count: 0, running: false, created_at: at, updated_at: at }];
  });
  if (unmade.length === 0) return sessions;
  return [...unmade, ...sessions].sort((one, other) => Date.parse(other.updated_at) - Date.parse(one.updated_at));
}
