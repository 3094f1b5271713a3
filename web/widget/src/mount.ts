import { TAG, define, type AntiphonChat } from "./element.js";
import type { Attribute } from "./options.js";

/** The attributes, as properties; `undefined` and null are the same as not given. */
export interface MountOptions {
  bot?: string | null | undefined;
  /** The server's address; by default the page's own. */
  server?: string | null | undefined;
  title?: string | null | undefined;
  greeting?: string | null | undefined;
  launcherLabel?: string | null | undefined;
  position?: "end" | "start" | null | undefined;
  theme?: "light" | "dark" | "auto" | null | undefined;
  accent?: string | null | undefined;
  accentText?: string | null | undefined;
  font?: string | null | undefined;
  radius?: number | null | undefined;
  width?: number | null | undefined;
  height?: number | null | undefined;
  zIndex?: number | null | undefined;
  language?: "en" | "fr" | "de" | "es" | "ja" | "ar" | (string & {}) | null | undefined;
  open?: boolean | null | undefined;
  suggestions?: readonly string[] | null | undefined;
}

const NAMES: Record<keyof MountOptions, Attribute> = {
  bot: "bot", server: "server", title: "title", greeting: "greeting", launcherLabel: "launcher-label",
  position: "position", theme: "theme", accent: "accent", accentText: "accent-text", font: "font", radius: "radius",
  width: "width", height: "height", zIndex: "z-index", language: "language", open: "open", suggestions: "suggestions",
};

/** Sets the element's attributes to the options; those not given are taken off. */
export function configure(element: AntiphonChat, options: MountOptions): void {
  for (const [option, name] of Object.entries(NAMES) as [keyof MountOptions, Attribute][]) {
    const value = options[option] ?? null;
    const text = value === null ? null : Array.isArray(value) ? value.join("|") : String(value);
    if (text === null) element.removeAttribute(name);
    else if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** Puts a chat on the page, at the end of `parent` (by default the body). `destroy()` of the result takes it off. */
export function mount(options: MountOptions = {}, parent: ParentNode = document.body): AntiphonChat {
  define();
  const element = document.createElement(TAG);
  configure(element, options);
  parent.append(element);
  return element;
}
