/** Keeps half-written Markdown at the end of a growing text from flickering. The finished text is never touched. */

// A line that so far is only marks may become a list, a heading, a rule, a fence or a table's delimiter row.
const MARKS_ONLY = /^[\s>]*(?:[-*+=_~`#|:$\\[\]\s]*|\d{1,3}[.)]?\s*)$/;
const HALF_LINK = /!?\[([^[\]\n]*)\]\([^()\s]*$/;
const LONGEST_SPAN = 400;

/** The text without its last line, as long as that is only marks. */
export function withoutHalfMarks(text: string): string {
  const start = text.lastIndexOf("\n") + 1;
  return text.length - start < 80 && MARKS_ONLY.test(text.slice(start)) ? text.slice(0, start) : text;
}

function isWord(char: string | undefined): boolean {
  return char !== undefined && /[\p{L}\p{N}]/u.test(char);
}

function isSpace(char: string | undefined): boolean {
  return char === undefined || /\s/.test(char);
}

/** The delimiters that are open at the end of `text`, outermost first. */
function openDelimiters(text: string): string[] {
  const open: { mark: string; at: number }[] = [];
  const runs = /\\[^]|`+|\*+|_+|~~/g;
  for (let run = runs.exec(text); run; run = runs.exec(text)) {
    const mark = run[0];
    const [before, after] = [text[run.index - 1], text[runs.lastIndex]];
    if (mark.startsWith("\\")) continue;
    if (mark.startsWith("`")) {
      const end = text.indexOf(mark, runs.lastIndex);
      if (end < 0) return text.length - run.index > LONGEST_SPAN ? [] : [...open.map((one) => one.mark), mark];
      runs.lastIndex = end + mark.length;
    } else if (open.at(-1)?.mark === mark && !isSpace(before)) open.pop();
    else if (!isSpace(after) && !isWord(before) && mark.length <= 3) open.push({ mark, at: run.index });
  }
  return open.filter(({ at }) => text.length - at <= LONGEST_SPAN).map((one) => one.mark);
}

/** Inline text with what is half-written at its end closed or left out: `**bold` is bold before its end comes. */
export function heal(text: string): string {
  const whole = text.replace(/[*_~`]+$/, "").replace(HALF_LINK, "$1");
  const shown = whole.trimEnd();
  const closing = openDelimiters(shown).reverse().join("");
  return closing === "" ? whole : shown + closing;
}
