const PREFIX = "antiphon.";

/** What the browser keeps for this page. It may be switched off or full; the page works without. */
export const stored = {
  getItem(key: string): string | null {
    try {
      return localStorage.getItem(PREFIX + key);
    } catch {
      return null;
    }
  },
  setItem(key: string, value: string): void {
    try {
      localStorage.setItem(PREFIX + key, value);
    } catch {
      // Kept for as long as the page is open, by whoever holds the value.
    }
  },
  removeItem(key: string): void {
    try {
      localStorage.removeItem(PREFIX + key);
    } catch {
      // There is nothing to remove then.
    }
  },
  /** The names of all that is kept. */
  keys(): string[] {
    try {
      return Object.keys(localStorage).flatMap((name) => (name.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : []));
    } catch {
      return [];
    }
  },
};

/** The same for one of several servers: what is meant for one must not be sent to another. */
export function storedFor(server: string): Pick<typeof stored, "getItem" | "setItem" | "removeItem" | "keys"> {
  const end = server === "" ? "" : `@${server}`;
  const name = (key: string) => key + end;
  const isOurs = (key: string) => (end === "" ? !/@https?:\/\//.test(key) : key.endsWith(end));
  return {
    getItem: (key) => stored.getItem(name(key)),
    setItem: (key, value) => stored.setItem(name(key), value),
    removeItem: (key) => stored.removeItem(name(key)),
    keys: () => stored.keys().flatMap((key) => (isOurs(key) ? [key.slice(0, key.length - end.length)] : [])),
  };
}

/** What was kept as JSON; `otherwise` where there is nothing or where it cannot be read. */
export function readJson(key: string, otherwise: unknown): unknown {
  try {
    return JSON.parse(stored.getItem(key) ?? "") as unknown;
  } catch {
    return otherwise;
  }
}
