import type { SessionItem } from "@antiphon/client";

/** A day or a span of days, newest first. `month`: the first day of a month of which the name is shown. */
export type Span = { kind: "today" | "yesterday" | "week" | "days30" } | { kind: "month"; start: number };

export interface Group {
  key: string;
  span: Span;
  sessions: SessionItem[];
}

const DAY = 86_400_000;
const midnight = (time: number) => new Date(time).setHours(0, 0, 0, 0);

/** The span a time belongs to, by the reader's calendar. Rounded: with summer time not all days have 24 hours. */
export function spanOf(time: number, now: number): Span {
  const days = Math.round((midnight(now) - midnight(time)) / DAY);
  if (days <= 0) return { kind: "today" };
  if (days === 1) return { kind: "yesterday" };
  if (days <= 7) return { kind: "week" };
  if (days <= 30) return { kind: "days30" };
  const date = new Date(time);
  return { kind: "month", start: new Date(date.getFullYear(), date.getMonth(), 1).getTime() };
}

/** Sessions, the last used first, by spans. */
export function groupByDay(sessions: readonly SessionItem[], now: number): Group[] {
  const groups: Group[] = [];
  for (const session of sessions) {
    const span = spanOf(Date.parse(session.updated_at), now);
    const key = span.kind === "month" ? `month ${span.start}` : span.kind;
    const last = groups.at(-1);
    if (last?.key === key) last.sessions.push(session);
    else groups.push({ key, span, sessions: [session] });
  }
  return groups;
}
