import { useMemo } from "react";
import { useTranslation } from "react-i18next";

/** What is shown for a figure that is not known. */
const NOTHING = "–";

type Figure = number | null | undefined;

/** How figures are written in the language of the page. Durations are given in seconds. */
export interface Formats {
  /** A count: 1,234; from 100,000 on 123K. */
  count: (value: Figure) => string;
  /** A rate: one decimal below 10. */
  rate: (value: Figure) => string;
  /** A share of 1 as per cent. */
  share: (value: Figure) => string;
  /** A short duration: 420 ms, 1.25 s. */
  seconds: (value: Figure) => string;
  /** The same in few letters, for charts. */
  briefSeconds: (value: Figure) => string;
  /** The same without another unit, for scales. */
  scaleSeconds: (value: number) => string;
  /** A long duration by its two largest units: 3 h 12 min. */
  span: (value: Figure) => string;
  minutes: (value: number) => string;
  shortSeconds: (value: number) => string;
  /** A point in time, in milliseconds since 1970, to the second. */
  clock: (at: number) => string;
  /** A date and time as ISO 8601. */
  moment: (iso: string | null) => string;
}

const SPAN_UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
] as const;

function spanParts(seconds: number): { unit: string; value: number }[] {
  let left = Math.max(0, Math.floor(seconds));
  const parts = SPAN_UNITS.map(([unit, size]) => {
    const value = Math.floor(left / size);
    left -= value * size;
    return { unit, value };
  });
  const first = parts.findIndex(({ value }) => value > 0);
  return first < 0 ? parts.slice(-1) : parts.slice(first, first + 2);
}

function formats(language: string): Formats {
  const unit = (name: string, digits = 0, unitDisplay: "short" | "narrow" = "short") => new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay, maximumFractionDigits: digits });
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
  const oneDecimal = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const share = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const [ms, s, min] = [unit("millisecond"), unit("second", 2), unit("minute")];
  const [briefMs, briefS] = [unit("millisecond", 0, "narrow"), unit("second", 2, "narrow")];
  const spans = Object.fromEntries(SPAN_UNITS.map(([name]) => [name, unit(name)]));
  const joined = new Intl.ListFormat(language, { type: "unit", style: "narrow" });
  const clock = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const known = (write: (value: number) => string) => (value: Figure) => (value === null || value === undefined ? NOTHING : write(value));
  return {
    count: known((value) => (value >= 100_000 ? short : whole).format(value)),
    rate: known((value) => (value < 10 ? oneDecimal : value >= 100_000 ? short : whole).format(value)),
    share: known((value) => share.format(value)),
    seconds: known((value) => (value < 1 ? ms.format(value * 1000) : s.format(value))),
    briefSeconds: known((value) => (value < 1 ? briefMs.format(value * 1000) : briefS.format(value))),
    scaleSeconds: (value) => (value === 0 ? whole.format(0) : briefS.format(value)),
    span: known((value) => joined.format(spanParts(value).map((part) => spans[part.unit]?.format(part.value) ?? ""))),
    minutes: (value) => min.format(value),
    shortSeconds: (value) => s.format(value),
    clock: (at) => clock.format(at),
    moment: (iso) => (iso === null ? NOTHING : moment.format(new Date(iso))),
  };
}

/** The formats of the language that is shown. */
export function useFormats(): Formats {
  const { i18n } = useTranslation();
  return useMemo(() => formats(i18n.language), [i18n.language]);
}
