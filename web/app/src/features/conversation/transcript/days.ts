/** The local day of a moment, to be compared only. */
export function dayOf(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0);
}

/** Whether a day is announced before a message; the first one's only if it is not today. */
export function beginsDay(time: number, before: number | null, now: number): boolean {
  return before === null ? dayOf(time) !== dayOf(now) : dayOf(time) !== dayOf(before);
}

/** "Today", "yesterday", else the date, in the language. */
export function dayName(time: number, language: string, now: number): string {
  const days = Math.round((dayOf(time) - dayOf(now)) / 86_400_000);
  if (days === 0 || days === -1) return sentence(new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(days, "day"), language);
  const year = new Date(time).getFullYear() === new Date(now).getFullYear() ? {} : { year: "numeric" as const };
  return sentence(new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long", ...year }).format(time), language);
}

function sentence(text: string, language: string): string {
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
}
