import type { ReplyFigures } from "@antiphon/client";

/** A row of the figures: the key of its name, and its value. */
export type FigureRow = readonly [name: string, value: string];

interface Words {
  yes: string;
  no: string;
  /** "3 times" */
  times(count: number): string;
}

/** Milliseconds as seconds with as many digits as tell something. */
export function seconds(ms: number, language: string): string {
  const digits = ms < 10_000 ? 2 : 1;
  return new Intl.NumberFormat(language, { style: "unit", unit: "second", unitDisplay: "short", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(ms / 1000);
}

/** What there is to tell of how a reply came, in the reader's language; what is not known is left out. */
export function figureRows(figures: ReplyFigures, language: string, words: Words): FigureRow[] {
  const number = (value: number, digits = 0) => new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value);
  const rows: (readonly [string, string | null])[] = [
    ["firstToken", figures.firstTokenMs === null ? null : seconds(figures.firstTokenMs, language)],
    ["total", figures.totalMs === null ? null : seconds(figures.totalMs, language)],
    ["pace", figures.tokensPerSecond === null ? null : number(figures.tokensPerSecond, figures.tokensPerSecond < 10 ? 1 : 0)],
    ["tokens", figures.tokens === null ? null : number(figures.tokens)],
    ["model", figures.model],
    ["pod", figures.pod],
    ["resumed", words.times(figures.resumed)],
    ["takenOver", figures.takenOver === 0 ? words.no : words.times(figures.takenOver)],
    ["restarted", figures.restarted ? words.yes : words.no],
    ["cached", figures.cached ? words.yes : words.no],
  ];
  return rows.filter((row): row is FigureRow => row[1] !== null);
}
