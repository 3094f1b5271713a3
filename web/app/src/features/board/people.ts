/** How many colours there are for avatars (board.css). */
export const COLOURS = 6;

const WORDS = /[\s_.@-]+/u;

function first(word: string, language: string): string {
  const [letter] = new Intl.Segmenter(language, { granularity: "grapheme" }).segment(word);
  return letter?.segment.toLocaleUpperCase(language) ?? "";
}

/** One or two letters that stand for a name: of its first and its last word. */
export function initials(name: string, language: string): string {
  const words = name.split(WORDS).filter(Boolean);
  const [head, last] = [words[0] ?? "", words.length > 1 ? (words.at(-1) ?? "") : ""];
  // A non-joiner between: letters of scripts that join would become one sign.
  return [first(head, language), first(last, language)].filter(Boolean).join("\u200c");
}

/** A number below COLOURS, the same for the same name everywhere. */
export function colourOf(name: string): number {
  let hash = 0;
  for (const letter of name.normalize().toLowerCase()) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 1_000_003;
  return hash % COLOURS;
}
