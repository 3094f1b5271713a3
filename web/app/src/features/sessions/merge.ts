import type { Session, SessionItem, SessionPage } from "@antiphon/client";

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
