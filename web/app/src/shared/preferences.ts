import { useStore } from "zustand";
import { createStore } from "zustand/vanilla";
import { readJson, stored } from "./storage.js";

/** What the reader chose for this browser. */
export interface Preferences {
  theme: "system" | "light" | "dark";
  /** A code of `LANGUAGES`; null: as the browser. */
  language: string | null;
  /** Whether Enter sends; if not, Ctrl/Cmd+Enter does. */
  enterSends: boolean;
  /** Whether shortcuts of a single character are on: they disturb speech input (WCAG 2.1.4). */
  singleKeys: boolean;
  readAloud: boolean;
  /** `voiceURI` of the voice that reads aloud; null: the browser's for the language. */
  voice: string | null;
  /** Whether the sidebar is put away on wide screens. */
  sidebarClosed: boolean;
}

const KEY = "preferences";
const USUAL: Preferences = {
  theme: "system",
  language: null,
  enterSends: true,
  singleKeys: true,
  readAloud: false,
  voice: null,
  sidebarClosed: false,
};
const ALLOWED: { [K in keyof Preferences]: (value: unknown) => boolean } = {
  theme: (value) => value === "system" || value === "light" || value === "dark",
  language: (value) => value === null || typeof value === "string",
  enterSends: (value) => typeof value === "boolean",
  singleKeys: (value) => typeof value === "boolean",
  readAloud: (value) => typeof value === "boolean",
  voice: (value) => value === null || typeof value === "string",
  sidebarClosed: (value) => typeof value === "boolean",
};

/** Takes what is kept, but nothing that an older or newer version, or a hand, wrote otherwise. */
function read(): Preferences {
  const kept = readJson(KEY, null);
  if (typeof kept !== "object" || kept === null) return USUAL;
  const known = Object.entries(kept).filter(([key, value]) => Object.hasOwn(ALLOWED, key) && ALLOWED[key as keyof Preferences](value));
  return { ...USUAL, ...Object.fromEntries(known) };
}

export const preferences = createStore<Preferences>(read);

/** Change and keep. */
export function prefer(change: Partial<Preferences>): void {
  preferences.setState(change);
  stored.setItem(KEY, JSON.stringify(preferences.getState()));
}

/** Take over what another tab of this browser has chosen, for as long as the page is open. */
export function followOtherTabs(): void {
  addEventListener("storage", (event) => {
    if (event.key === null || event.key.endsWith(KEY)) preferences.setState(read());
  });
}

export function usePreferences<T>(select: (preferences: Preferences) => T): T {
  return useStore(preferences, select);
}
