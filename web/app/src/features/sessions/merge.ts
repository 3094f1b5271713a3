import type { Session, SessionPage } from "@antiphon/client";

interface Shown {
  sessions: readonly Session[];
  next: number | null;
}

/**
 * The newest page over what is shown. What the page covers is as the page says: a session that is not there any more
 * was deleted, archived or has another place; what is older than the page stays as it was read.
 */
export function mergeFirstPage(shown: Shown, page: SessionPage): Shown {
  const oldest = page.sessions.at(-1)?.updated_at;
  if (page.next_before === null || oldest === undefined) return { sessions: page.sessions, next: page.next_before };
  const covered = new Set(page.sessions.map(({ id }) => id));
  const older = shown.sessions.filter((one) => one.updated_at < oldest && !covered.has(one.id));
  return { sessions: [...page.sessions, ...older], next: older.length > 0 ? shown.next : page.next_before };
}

/** The sessions with one changed or new, in order of use. */
export function upsert(sessions: readonly Session[], session: Session): Session[] {
  const others = sessions.filter(({ id }) => id !== session.id);
  const place = others.findIndex((one) => one.updated_at <= session.updated_at);
  return others.toSpliced(place === -1 ? others.length : place, 0, session);
}
