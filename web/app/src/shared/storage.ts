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
};

/** The same for one of several servers: what is meant for one must not be sent to another. */
export function storedFor(server: string): Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  const name = (key: string) => (server === "" ? key : `${key}@${server}`);
  return {
    getItem: (key) => stored.getItem(name(key)),
    setItem: (key, value) => stored.setItem(name(key), value),
    removeItem: (key) => stored.removeItem(name(key)),
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
