/** How many messages are drawn at first: those at the end, or those at the beginning for who goes there. */
export const AT_FIRST = 16;
/** How many more are drawn each time the reader nears the first or the last of them. */
export const MORE = 8;
/**
 * How many may be drawn; beyond it those farthest from the reader are let go. Each costs the browser a little in every
 * frame: with 1,000 of them a streaming reply took 14 ms a frame, nearly all there is.
 */
export const AT_MOST = 60;

/** What is drawn of a branch: from `start` on, up to but without `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A span by its messages, so that it stays the same whatever is added before and after it. */
export interface Held {
  readonly first: string | null;
  /** null: whatever comes at the end as well. */
  readonly last: string | null;
  readonly start: number;
}

export const AT_END: Held = { first: null, last: null, start: Infinity };

/**
 * The span that is held. A message that is gone was left for another branch, which is the same up to there, and may be
 * longer by more than can be drawn at once.
 */
export function spanOf(keys: readonly string[], held: Held): Span {
  const found = held.first === null ? -1 : keys.indexOf(held.first);
  const start = found >= 0 ? found : Math.max(0, Math.min(held.start, keys.length - AT_FIRST));
  const end = held.last === null ? keys.length : keys.lastIndexOf(held.last) + 1;
  return { start, end: end > start && end - start <= 2 * AT_MOST ? end : Math.min(keys.length, start + AT_MOST) };
}

export function heldOf(keys: readonly string[], { start, end }: Span): Held {
  return { first: keys[start] ?? null, last: end < keys.length ? (keys[end - 1] ?? null) : null, start };
}

/** Whether two are the same span of the same messages. */
export function sameHeld(one: Held, other: Held): boolean {
  return one.first === other.first && one.last === other.last && one.start === other.start;
}

/** `MORE` earlier ones; for them, of the `far` last ones as many are let go as are too many. */
export function earlier(keys: readonly string[], span: Span, far: number): Held {
  const start = Math.max(0, span.start - MORE);
  return heldOf(keys, { start, end: span.end - surplus(span.end - start, far) });
}

/** `MORE` later ones; for them, of the `far` first ones as many are let go as are too many. */
export function later(keys: readonly string[], span: Span, far: number): Held {
  const end = Math.min(keys.length, span.end + MORE);
  return heldOf(keys, { start: span.start + surplus(end - span.start, far), end });
}

function surplus(count: number, far: number): number {
  return Math.max(0, Math.min(count - AT_MOST, far));
}

/** The beginning of the branch. */
export function beginning(keys: readonly string[]): Held {
  return heldOf(keys, { start: 0, end: Math.min(keys.length, AT_FIRST) });
}

/** What is around the message at a place of the branch, to which the reader is led. */
export function around(keys: readonly string[], at: number): Held {
  const start = Math.max(0, at - AT_FIRST / 2);
  return heldOf(keys, { start, end: Math.min(keys.length, start + AT_FIRST) });
}

/** What a reader at the end needs, who does not see what is far above. */
export function trimmed(keys: readonly string[], span: Span): Held {
  return span.end < keys.length || span.end - span.start > AT_MOST ? heldOf(keys, spanOf(keys, AT_END)) : heldOf(keys, span);
}

/**
 * The height in pixels that a message probably has, until it was drawn once: the scroll bar would jump with a guess
 * that is the same for all.
 */
export function likelyHeight(length: number, lines: number): number {
  const CHARACTERS_A_LINE = 72;
  const LINE = 28;
  const AROUND = 76;
  return AROUND + LINE * Math.max(1, lines, Math.ceil(length / CHARACTERS_A_LINE));
}
