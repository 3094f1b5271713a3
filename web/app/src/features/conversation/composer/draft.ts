import { createStore, type StoreApi } from "zustand/vanilla";
import { stored } from "../../../shared/storage.js";

/** How long typing rests before it is kept, in milliseconds. */
const REST_MS = 300;

/** What is written and not sent yet, kept for each conversation. */
export class Draft {
  readonly store: StoreApi<{ readonly text: string }> = createStore(() => ({ text: "" }));
  #session: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly server: string) {
    this.open(null);
  }

  get text(): string {
    return this.store.getState().text;
  }

  /** Another conversation is shown: its own draft comes. */
  open(session: string | null): void {
    this.flush();
    this.#session = session;
    this.store.setState({ text: stored.getItem(this.#name) ?? "" });
  }

  /** The new conversation was given its id: what is being written goes on in it. */
  adopt(session: string): void {
    if (this.#session === session) return;
    clearTimeout(this.#timer);
    stored.removeItem(this.#name);
    this.#session = session;
    this.#keep();
  }

  /** Show it at once, and keep it when typing rests. */
  set(text: string): void {
    this.store.setState({ text });
    clearTimeout(this.#timer);
    if (text === "") this.#keep();
    else this.#timer = setTimeout(() => this.flush(), REST_MS);
  }

  /** Keep it now: the page may be gone in a moment. */
  flush(): void {
    if (this.#timer !== undefined) this.#keep();
  }

  #keep(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.text === "") stored.removeItem(this.#name);
    else stored.setItem(this.#name, this.text);
  }

  get #name(): string {
    return `draft.${this.server}${this.#session ?? "new"}`;
  }
}
