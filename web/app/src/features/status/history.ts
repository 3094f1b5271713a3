import type { Stats } from "./stats.js";

/** How long figures are kept in the page, in milliseconds. */
export const KEPT_MS = 5 * 60 * 1000;
/** The spans that charts show, in milliseconds: the shortest that holds what there is, so that a short visit sees something. */
export const SPANS_MS = [60_000, 120_000, KEPT_MS] as const;
/** How many tellings are kept at most, whatever their pace. */
export const MOST = 600;
/** What lies further apart than this is not joined by a line, in milliseconds. */
export const GAP_MS = 5000;
/** Over how long a rate is taken, in seconds: replies count when they end, so that shorter spans show only bursts. */
export const RATE_SECONDS = 10;
/** The shortest time that a rate is told for, in seconds: the first differences would jump. */
const SHORTEST_SECONDS = 0.5;

/** A telling and when it came, in milliseconds since 1970 by this browser's clock. */
export interface Sample {
  readonly at: number;
  readonly stats: Stats;
}

/** The history with one telling more, and without what is too old. */
export function withSample(history: readonly Sample[], sample: Sample): Sample[] {
  return [...history.filter(({ at }) => sample.at - at <= KEPT_MS && at < sample.at), sample].slice(-MOST);
}

/** Whether a sample goes on where the one before it was: same pod, and nothing missing between them. */
export function continues(before: Sample | undefined, sample: Sample): boolean {
  return (
    before !== undefined &&
    before.stats.podId === sample.stats.podId &&
    before.stats.uptimeSeconds <= sample.stats.uptimeSeconds &&
    sample.at - before.at <= GAP_MS
  );
}

/**
 * How fast a counter grew up to each sample, per second, over the last RATE_SECONDS. Null where that is not known:
 * at the beginning, after a gap and after a change of pod, whose counters have nothing to do with the other's.
 */
export function rates(history: readonly Sample[], counter: (stats: Stats) => number): (number | null)[] {
  let from = 0;
  return history.map((sample, index) => {
    if (!continues(history[index - 1], sample)) from = index;
    const now = sample.stats;
    const start = () => history[from]?.stats ?? now;
    while (from < index && now.uptimeSeconds - start().uptimeSeconds > RATE_SECONDS) from += 1;
    const seconds = now.uptimeSeconds - start().uptimeSeconds;
    return seconds < SHORTEST_SECONDS ? null : Math.max(0, counter(now) - counter(start())) / seconds;
  });
}

/** The names that a counter by name had at any time, in a fixed order so that each keeps its colour. */
export function namesIn(history: readonly Sample[], counter: (stats: Stats) => Readonly<Record<string, number>>): string[] {
  return [...new Set(history.flatMap(({ stats }) => Object.keys(counter(stats))))].sort();
}

/** Where the history changes from one pod to another: the indices of the first samples of the later one. */
export function changes(history: readonly Sample[]): number[] {
  return history.flatMap(({ stats }, index) => {
    const before = history[index - 1];
    return before && before.stats.podId !== stats.podId ? [index] : [];
  });
}

/** The span to show for points in time, oldest first. */
export function spanFor(at: readonly number[]): number {
  const length = (at.at(-1) ?? 0) - (at[0] ?? 0);
  return SPANS_MS.find((span) => length <= span) ?? KEPT_MS;
}
