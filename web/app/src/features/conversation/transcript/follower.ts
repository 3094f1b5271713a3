import { Sticking } from "./sticking.js";

const UP_KEYS = new Set(["ArrowUp", "PageUp", "Home"]);

/**
 * Keeps a scrolled list where it belongs: at its end while the reader is there, else with the message that is read
 * exactly where it is, whatever is added above it or grows.
 */
export class Follower {
  readonly #sticking = new Sticking();
  readonly #resizes: ResizeObserver;
  readonly #listeners = new AbortController();
  #anchor: { element: Element; top: number } | null = null;
  /** Where the last correction put the view. */
  #corrected = -1;
  #touch = 0;
  #more = false;
  /** Where the browser keeps what is read in place, its own way is smoother: it does not end a swing. */
  readonly #browserKeeps: boolean;

  constructor(
    private readonly scroller: HTMLElement,
    private readonly content: HTMLElement,
    private readonly onChange: (pinned: boolean) => void,
  ) {
    this.#browserKeeps = getComputedStyle(scroller).getPropertyValue("overflow-anchor") === "auto";
    // Observed, not asked: reading sizes while a reply streams would force a layout with each piece.
    this.#resizes = new ResizeObserver(() => this.#resized());
    this.#resizes.observe(content);
    this.#resizes.observe(scroller);
    const on = <K extends keyof HTMLElementEventMap>(name: K, listener: (event: HTMLElementEventMap[K]) => void) =>
      scroller.addEventListener(name, listener, { passive: true, signal: this.#listeners.signal });
    on("scroll", () => this.#changed(() => this.#scrolled()));
    on("wheel", (event) => event.deltaY < 0 && this.#movedUp());
    on("touchstart", (event) => (this.#touch = event.touches[0]?.clientY ?? 0));
    on("touchmove", (event) => (event.touches[0]?.clientY ?? 0) > this.#touch + 2 && this.#movedUp());
    on("keydown", (event) => {
      if (UP_KEYS.has(event.key) || (event.key === " " && event.shiftKey)) this.#movedUp();
    });
  }

  get pinned(): boolean {
    return this.#sticking.pinned;
  }

  /** Go to the end, and along with it from now on. */
  toEnd(): void {
    this.#changed(() => this.#putToEnd());
  }

  /** Go to the first message that is drawn. */
  toStart(): void {
    this.leaveEnd();
    this.scroller.scrollTop = 0;
    this.#anchor = null;
  }

  /**
   * What is drawn may have changed: keep what is read where it is. `more`: later messages exist that are not drawn. To be
   * called before the browser paints.
   */
  keep(more: boolean): void {
    this.#more = more;
    if (this.pinned) this.#putToEnd();
    else this.#restore();
  }

  /** The reader goes to a message: the view stays with it. */
  leaveEnd(): void {
    this.#movedUp();
  }

  destroy(): void {
    this.#resizes.disconnect();
    this.#listeners.abort();
  }

  #resized(): void {
    if (this.pinned) this.#putToEnd();
    else if (!this.#browserKeeps) this.#restore();
  }

  #movedUp(): void {
    // A list that has nothing to scroll stays at its end.
    if (this.scroller.scrollHeight <= this.scroller.clientHeight) return;
    this.#changed(() => this.#sticking.movedUp());
  }

  #scrolled(): void {
    this.#sticking.scrolled(this.scroller, this.#more);
    if (this.pinned) this.#anchor = null;
    // Not after a correction of one's own: positions are rounded, and the roundings would add up to a drift.
    else if (this.#anchor === null || Math.abs(this.scroller.scrollTop - this.#corrected) >= 1) this.#anchor = this.#firstSeen();
  }

  #putToEnd(): void {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#sticking.atEnd(this.scroller);
    this.#anchor = null;
  }

  #restore(): void {
    const anchor = this.#anchor;
    if (anchor === null || !anchor.element.isConnected) return;
    const drift = anchor.element.getBoundingClientRect().top - this.#edge() - anchor.top;
    if (Math.abs(drift) < 1) return;
    this.scroller.scrollTop += drift;
    this.#corrected = this.scroller.scrollTop;
    this.#sticking.kept(this.scroller);
  }

  /** The first message that is at least partly in view. */
  #firstSeen(): { element: Element; top: number } | null {
    const { children } = this.content;
    const edge = this.#edge();
    let low = 0;
    let high = children.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((children[middle]?.getBoundingClientRect().bottom ?? 0) > edge) high = middle;
      else low = middle + 1;
    }
    const element = children[low];
    return element === undefined ? null : { element, top: element.getBoundingClientRect().top - edge };
  }

  #edge(): number {
    return this.scroller.getBoundingClientRect().top;
  }

  #changed(change: () => void): void {
    const before = this.pinned;
    change();
    if (this.pinned !== before) this.onChange(this.pinned);
  }
}
