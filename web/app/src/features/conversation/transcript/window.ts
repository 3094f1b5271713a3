/** How many messages are drawn when a conversation is opened at its end. */
export const AT_FIRST = 16;
/** How many more are drawn each time the reader nears the first of them. */
export const MORE = 8;
/** How many may be drawn while the reader stays at the end; beyond it the oldest are let go. */
export const AT_MOST = 60;

/** Where the drawing begins: at the kept message, or so that `AT_FIRST` are drawn if it is not on this branch. */
export function startOf(keys: readonly string[], first: string | null): number {
  const kept = first === null ? -1 : keys.indexOf(first);
  return kept >= 0 ? kept : Math.max(0, keys.length - AT_FIRST);
}

/** The message to begin with so that `MORE` earlier ones are drawn as well. */
export function earlier(keys: readonly string[], start: number): string | null {
  return keys[Math.max(0, start - MORE)] ?? null;
}

/** The message to begin with for a reader at the end, who does not see what is far above. */
export function trimmed(keys: readonly string[], start: number): string | null {
  return keys[keys.length - start > AT_MOST ? keys.length - AT_FIRST : start] ?? null;
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
