import { createStore, type StoreApi } from "zustand/vanilla";
import { draftName } from "../../../shared/drafts.js";
import { stored } from "../../../shared/storage.js";
import { Kept } from "../kept.js";

/** What is written and not sent yet, kept for each conversation. */
export class Draft {
  readonly store: StoreApi<{ readonly text: string }> = createStore(() => ({ text: "" }));
  readonly #kept = new Kept();
  #session: string | null = null;

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
    this.#kept.set(this.#name, "");
    this.#session = session;
    this.#kept.set(this.#name, this.text);
    this.flush();
  }

  /** Show it at once, and keep it when typing rests. */
  set(text: string): void {
    this.store.setState({ text });
    this.#kept.set(this.#name, text);
  }

  /** Keep it now: the page may be gone in a moment. */
  flush(): void {
    this.#kept.flush();
  }

  get #name(): string {
    return draftName(this.server, this.#session);
  }
}
