import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import english from "../locales/en/index.js";
import { preferences } from "./preferences.js";

/** The languages there are texts for, by their own names. */
export const LANGUAGES: Readonly<Record<string, string>> = {
  en: "English",
  de: "Deutsch",
  es: "Español",
  fr: "Français",
  ar: "العربية",
  ja: "日本語",
};
const RIGHT_TO_LEFT = new Set(["ar"]);

type Texts = Readonly<Record<string, Record<string, unknown>>>;
const others = import.meta.glob<Texts>(["../locales/*/index.ts", "!../locales/en/index.ts"], { import: "default" });
/** Files of texts by the namespaces they are called after. */
const byNamespace = (files: Texts) => Object.fromEntries(Object.entries(files).map(([path, texts]) => [path.replace(/^.*\/(\w+)\.json$/, "$1"), texts]));

/** The language to show: the chosen one, else the first of the browser's that there are texts for, else English. */
export function languageToShow(chosen: string | null, browsers: readonly string[]): string {
  const wanted = [chosen ?? "", ...browsers].map((tag) => tag.toLowerCase().split("-")[0] ?? "");
  return wanted.find((code) => Object.hasOwn(LANGUAGES, code)) ?? "en";
}

/** The browser's way of writing a language, with its country's dates and clock (`en-GB`), where it names one; else the language alone. */
export function localeOf(language: string, browsers: readonly string[]): string {
  return browsers.find((tag) => tag.toLowerCase().split("-")[0] === language && isLocale(tag)) ?? language;
}

/** Some systems give tags (`en-US@posix`) that `Intl` throws at. */
function isLocale(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}

async function load(language: string): Promise<void> {
  const read = others[`../locales/${language}/index.ts`];
  if (read === undefined) throw new Error(`There are no texts in ${language}.`);
  for (const [namespace, texts] of Object.entries(byNamespace(await read()))) i18next.addResourceBundle(language, namespace, texts);
}

async function show(wanted: string): Promise<void> {
  // Texts that cannot be loaded (offline, before they were ever cached) leave English, not a page of keys.
  const language = wanted === "en" ? wanted : await load(wanted).then(() => wanted, () => "en");
  // As the browser writes it: numbers and dates are by `i18n.language`, and its texts are those of the language.
  await i18next.changeLanguage(localeOf(language, navigator.languages));
  document.documentElement.lang = language;
  document.documentElement.dir = RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
}

/** Load the texts and follow the chosen language; resolves when the page can be drawn. */
export async function startTexts(): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: "en",
    fallbackLng: "en",
    defaultNS: "shell",
    resources: { en: byNamespace(english) },
    interpolation: { escapeValue: false }, // React escapes.
    react: { useSuspense: false },
  });
  const now = () => languageToShow(preferences.getState().language, navigator.languages);
  await show(now());
  preferences.subscribe((state, before) => {
    if (state.language !== before.language) void show(now());
  });
}
