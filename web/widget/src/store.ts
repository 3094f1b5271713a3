/** A value that can be watched. The stores of `@antiphon/client` have this shape. */
export interface Readable<T> {
  getState(): T;
  subscribe(listener: (state: T, before: T) => void): () => void;
}

export class Store<T extends object> implements Readable<T> {
  #state: T;
  readonly #listeners = new Set<(state: T, before: T) => void>();

  constructor(state: T) {
    this.#state = state;
  }

  getState = (): T => this.#state;

  set(change: Partial<T>): void {
    const before = this.#state;
    this.#state = { ...before, ...change };
    for (const listener of [...this.#listeners]) listener(this.#state, before);
  }

  subscribe = (listener: (state: T, before: T) => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };
}
