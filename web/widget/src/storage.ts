/** What is used of `Storage`. */
export interface Area extends Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  /** The names of all that is kept. */
  keys(): string[];
}

/** An area of the browser that may be switched off, blocked or full: then memory serves until the page is left. */
export class SafeArea implements Area {
  readonly #kind: "localStorage" | "sessionStorage";
  readonly #memory = new Map<string, string>();

  constructor(kind: "localStorage" | "sessionStorage") {
    this.#kind = kind;
  }

  getItem(key: string): string | null {
    const kept = this.#memory.get(key);
    if (kept !== undefined) return kept;
    try {
      return window[this.#kind].getItem(key);
    } catch {
      return null;
    }
  }

  setItem(key: string, value: string): void {
    try {
      window[this.#kind].setItem(key, value);
      this.#memory.delete(key);
    } catch {
      this.#memory.set(key, value);
    }
  }

  removeItem(key: string): void {
    this.#memory.delete(key);
    try {
      window[this.#kind].removeItem(key);
    } catch {
      // Nothing could be kept there either.
    }
  }

  keys(): string[] {
    const kept = [...this.#memory.keys()];
    try {
      return [...new Set([...kept, ...Object.keys(window[this.#kind])])];
    } catch {
      return kept;
    }
  }
}

/** A part of an area: all its keys begin with the prefix, so that neither the shop's nor another bot's are touched. */
export class Shelf implements Area {
  readonly #area: Area;
  readonly #prefix: string;

  constructor(area: Area, prefix: string) {
    this.#area = area;
    this.#prefix = prefix;
  }

  getItem = (key: string): string | null => this.#area.getItem(this.#prefix + key);
  setItem = (key: string, value: string): void => this.#area.setItem(this.#prefix + key, value);
  removeItem = (key: string): void => this.#area.removeItem(this.#prefix + key);

  keys = (): string[] =>
    this.#area.keys().flatMap((key) => (key.startsWith(this.#prefix) ? [key.slice(this.#prefix.length)] : []));

  /** Keeps the text, or with null forgets it. */
  put(key: string, value: string | null): void {
    if (value === null) this.removeItem(key);
    else this.setItem(key, value);
  }

  /** Which of this shelf's keys a `storage` event is about, or null. */
  keyOf(event: StorageEvent): string | null {
    return event.key?.startsWith(this.#prefix) === true ? event.key.slice(this.#prefix.length) : null;
  }
}
