import { useMemo } from "react";
import { useTranslation } from "react-i18next";

export interface Format {
  number: (value: number, options?: Intl.NumberFormatOptions) => string;
  /** Times are in milliseconds since 1970. */
  date: (time: number, options?: Intl.DateTimeFormatOptions) => string;
}

/** Numbers and dates as the chosen language writes them. */
export function useFormat(): Format {
  const { i18n } = useTranslation();
  const language = i18n.language;
  return useMemo(
    () => ({
      number: (value, options) => new Intl.NumberFormat(language, options).format(value),
      date: (time, options) => new Intl.DateTimeFormat(language, options).format(time),
    }),
    [language],
  );
}
