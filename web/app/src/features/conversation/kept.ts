import { stored } from "../../shared/storage.js";

/** How long typing rests before it is kept, in milliseconds. */
const REST_MS = 300;

/** A text that is being written, kept in the browser when typing rests. */
export class Kept {
  #waiting: readonly [name: string, text: string] | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Keep it under a name when typing rests; an empty one is forgotten at once. */
  set(name: string, text: string): void {
    this.#waiting = [name, text];
    clearTimeout(this.#timer);
    if (text === "") this.flush();
    else this.#timer = setTimeout(() => this.flush(), REST_MS);
  }

  /** Keep it now: the page may be gone in a moment. */
  flush(): void {
    clearTimeout(this.#timer);
    if (this.#waiting === null) return;
    const [name, text] = this.#waiting;
    this.#waiting = null;
    if (text === "") stored.removeItem(name);
    else stored.setItem(name, text);
  }
}
