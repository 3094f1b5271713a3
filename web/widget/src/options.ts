import { supported, type Language } from "./language.js";

/** How one widget looks and whom it talks to. Null: not given, the widget finds out by itself. */
export interface Options {
  /** Name of the bot; null: the server's default. */
  bot: string | null;
  /** The server's address without a slash at its end. */
  server: string;
  title: string | null;
  greeting: string | null;
  launcherLabel: string | null;
  position: "end" | "start";
  theme: "light" | "dark" | "auto";
  /** CSS colours. */
  accent: string | null;
  accentText: string | null;
  /** CSS `font-family`; `inherit`: the page's. */
  font: string | null;
  /** Pixels. */
  radius: number;
  width: number;
  height: number;
  zIndex: number;
  language: Language | null;
  /** Whether it is open for a visitor who has not opened or closed it yet. */
  open: boolean;
  suggestions: readonly string[];
}

/** The attributes' names on the element; on the script each begins with `data-`. */
export const ATTRIBUTES = [
  "bot", "server", "title", "greeting", "launcher-label", "position", "theme", "accent", "accent-text", "font",
  "radius", "width", "height", "z-index", "language", "open", "suggestions",
] as const;
export type Attribute = (typeof ATTRIBUTES)[number];

/** Lowest, highest, default. */
export const BOUNDS = {
  "radius": [0, 32, 16],
  "width": [280, 640, 400],
  "height": [360, 900, 640],
  "z-index": [0, 2147483647, 2147483000],
} as const;
export const MOST_SUGGESTIONS = 6;
export const LONGEST_TEXT = 400;

type Give = (name: Attribute) => string | null;
type Warn = (name: Attribute, value: string, wanted: string) => void;

/** Reads attributes. What is wrong with a value is said once for each, and its default used. */
export function readOptions(give: Give, warn: Warn, home: string): Options {
  return {
    bot: text(give, warn, "bot"),
    server: server(give, warn, home),
    title: text(give, warn, "title"),
    greeting: text(give, warn, "greeting"),
    launcherLabel: text(give, warn, "launcher-label"),
    position: oneOf(give, warn, "position", ["end", "start"]),
    theme: oneOf(give, warn, "theme", ["auto", "light", "dark"]),
    accent: css(give, warn, "accent", "color", "a CSS colour such as #0b6e4f"),
    accentText: css(give, warn, "accent-text", "color", "a CSS colour such as #fff"),
    font: css(give, warn, "font", "font-family", "font names as in CSS, or inherit for the page's"),
    radius: number(give, warn, "radius"),
    width: number(give, warn, "width"),
    height: number(give, warn, "height"),
    zIndex: number(give, warn, "z-index"),
    language: language(give, warn),
    open: flag(give, warn),
    suggestions: suggestions(give, warn),
  };
}

function given(give: Give, name: Attribute): string | null {
  const value = give(name)?.trim() ?? "";
  return value === "" ? null : value;
}

function text(give: Give, warn: Warn, name: Attribute): string | null {
  const value = given(give, name);
  if (value === null || value.length <= LONGEST_TEXT) return value;
  warn(name, value, `at most ${LONGEST_TEXT} characters`);
  return null;
}

function oneOf<T extends string>(give: Give, warn: Warn, name: Attribute, values: readonly [T, ...T[]]): T {
  const value = given(give, name);
  if (value === null) return values[0];
  const found = values.find((it) => it === value.toLowerCase());
  if (found === undefined) warn(name, value, `one of ${values.join(", ")}`);
  return found ?? values[0];
}

function css(give: Give, warn: Warn, name: Attribute, property: string, wanted: string): string | null {
  const value = given(give, name);
  if (value === null || CSS.supports(property, value)) return value;
  warn(name, value, wanted);
  return null;
}

function number(give: Give, warn: Warn, name: keyof typeof BOUNDS): number {
  const [least, most, normal] = BOUNDS[name];
  const value = given(give, name);
  if (value === null) return normal;
  const found = /^\d+(?:\.\d+)?(?:px)?$/.test(value) ? Number.parseFloat(value) : Number.NaN;
  if (found >= least && found <= most && (name !== "z-index" || Number.isInteger(found))) return found;
  warn(name, value, `a number from ${least} to ${most}`);
  return normal;
}

function language(give: Give, warn: Warn): Language | null {
  const value = given(give, "language");
  if (value === null) return null;
  const found = supported(value);
  if (found === null) warn("language", value, "one of en, fr, de, es, ja, ar");
  return found;
}

function flag(give: Give, warn: Warn): boolean {
  const value = give("open");
  if (value === null) return false;
  if (["", "true", "open"].includes(value.toLowerCase())) return true;
  if (value.toLowerCase() !== "false") warn("open", value, "true or false");
  return false;
}

function suggestions(give: Give, warn: Warn): string[] {
  const value = given(give, "suggestions");
  const all = (value ?? "").split("|").map((it) => it.trim()).filter((it) => it !== "");
  if (all.length <= MOST_SUGGESTIONS && all.every((it) => it.length <= LONGEST_TEXT)) return all;
  warn("suggestions", value ?? "", `at most ${MOST_SUGGESTIONS} separated by |, of at most ${LONGEST_TEXT} characters each`);
  return all.filter((it) => it.length <= LONGEST_TEXT).slice(0, MOST_SUGGESTIONS);
}

function server(give: Give, warn: Warn, home: string): string {
  const value = given(give, "server");
  if (value === null) return home;
  try {
    const url = new URL(value, document.baseURI);
    if (url.protocol === "http:" || url.protocol === "https:") return (url.origin + url.pathname).replace(/\/+$/, "");
  } catch {
    // Said below.
  }
  warn("server", value, "an address that begins with https:// or http://");
  return home;
}
