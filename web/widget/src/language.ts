import ar from "./locales/ar.json";
import de from "./locales/de.json";
import en from "./locales/en.json";
import es from "./locales/es.json";
import fr from "./locales/fr.json";
import ja from "./locales/ja.json";

/** All texts of the widget, in one language. */
export type Texts = typeof en;
export type Language = "en" | "fr" | "de" | "es" | "ja" | "ar";

const TEXTS: Record<Language, Texts> = { en, fr, de, es, ja, ar };

/** The supported language of a tag such as `de-AT`, or null. */
export function supported(tag: string): Language | null {
  const name = tag.trim().toLowerCase().split(/[-_]/)[0] ?? "";
  return Object.hasOwn(TEXTS, name) ? (name as Language) : null;
}

/** The first supported one of the tags, in the order of preference; English if there is none. */
export function chooseLanguage(tags: readonly (string | null)[]): Language {
  for (const tag of tags) {
    const language = tag === null ? null : supported(tag);
    if (language !== null) return language;
  }
  return "en";
}

export const textsIn = (language: Language): Texts => TEXTS[language];

export const directionOf = (language: Language): "ltr" | "rtl" => (language === "ar" ? "rtl" : "ltr");

/** What to say of an error: by its code where there is a text for it, else the given words. */
export function errorText(texts: Texts, code: string, otherwise: string): string {
  return Object.hasOwn(texts.errors, code) ? texts.errors[code as keyof Texts["errors"]] : otherwise;
}
