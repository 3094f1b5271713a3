const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/** "2 min ago"; within a minute "now"; beyond a week the date. */
export function relative(time: number, now: number, language: string): string {
  const ago = Math.max(0, now - time);
  if (ago > 7 * 86_400_000) return new Intl.DateTimeFormat(language, { day: "numeric", month: "short", year: "numeric" }).format(time);
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  const [unit, ms] = UNITS.find(([, size]) => ago >= size) ?? ["second", Infinity];
  return format.format(-Math.floor(ago / ms) || 0, unit);
}

/** Day and time, to the second. */
export function exact(time: number, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "medium" }).format(time);
}
