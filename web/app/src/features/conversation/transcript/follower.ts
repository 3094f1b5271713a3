import { Holding, type Find } from "./holding.js";
import { Sticking, type Measures } from "./sticking.js";

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
  #holding: Holding | null = null;
  /** The height of the empty place at the end, in pixels. */
  #room = 0;
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
    this.#holding?.end();
    this.scroller.scrollTop = 0;
    this.#anchor = null;
  }

  /**
   * What is drawn may have changed: keep what is read where it is. `more`: later messages exist that are not drawn. To be
   * called before the browser paints.
   */
  keep(more: boolean): void {
    this.#more = more;
    if (this.#holding !== null) this.#restoreHeld();
    else if (this.pinned) this.#putToEnd();
    else this.#restore();
  }

  /** The reader walks on by a control: keep it where it is until they turn to something else. */
  hold(pressed: HTMLElement, find: Find): void {
    // Measured first: what was held before may have room above it, which goes.
    const { top } = pressed.getBoundingClientRect();
    this.#holding?.end();
    this.#holding = new Holding(
      this.scroller,
      top,
      find,
      (height) => this.#makeRoom(height),
      () => (this.#holding = null),
    );
  }

  /** Where the view is now, to go back there after something else has moved it. */
  place(): () => void {
    const anchor = this.pinned ? null : this.#firstSeen();
    return () => {
      if (anchor === null) {
        this.toEnd();
        return;
      }
      this.#anchor = anchor;
      this.#restore();
    };
  }

  /** The reader goes to a message: the view stays with it. */
  leaveEnd(): void {
    this.#movedUp();
  }

  /** The reader is led to a place in the list, unless it is in view. */
  reveal(element: Element): void {
    const { top, bottom } = element.getBoundingClientRect();
    const view = this.scroller.getBoundingClientRect();
    if (top >= view.top && bottom <= view.bottom) return;
    this.leaveEnd();
    element.scrollIntoView({ block: "nearest" });
  }

  destroy(): void {
    this.#resizes.disconnect();
    this.#listeners.abort();
    this.#holding?.end();
  }

  #resized(): void {
    if (this.#holding !== null) this.#restoreHeld();
    else if (this.pinned) this.#putToEnd();
    else if (!this.#browserKeeps) this.#restore();
  }

  #movedUp(): void {
    // A list that has nothing to scroll stays at its end.
    if (this.scroller.scrollHeight <= this.scroller.clientHeight) return;
    this.#changed(() => this.#sticking.movedUp());
  }

  #scrolled(): void {
    if (this.#holding !== null) return;
    this.#sticking.scrolled(this.#measures, this.#more);
    this.#takeRoomBack();
    if (this.pinned) this.#anchor = null;
    // Not after a correction of one's own: positions are rounded, and the roundings would add up to a drift.
    else if (this.#anchor === null || Math.abs(this.scroller.scrollTop - this.#corrected) >= 1) this.#anchor = this.#firstSeen();
  }

  #putToEnd(): void {
    this.#holding?.end();
    this.#makeRoom(0);
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#sticking.atEnd(this.#measures);
    this.#anchor = null;
  }

  #restoreHeld(): void {
    this.#changed(() => {
      this.#holding?.restore();
      this.#sticking.held(this.#measures, this.#more);
      this.#anchor = this.pinned ? null : this.#firstSeen();
    });
  }

  /** The place is empty and at the end: what the reader scrolls past of it is not needed any more. */
  #takeRoomBack(): void {
    const { scrollTop, clientHeight } = this.scroller;
    const used = Math.max(0, scrollTop + clientHeight - this.#measures.scrollHeight);
    if (used < this.#room) this.#makeRoom(used);
  }

  #makeRoom(height: number): void {
    if (height === this.#room) return;
    this.#room = height;
    this.content.style.setProperty("--room", `${height}px`);
  }

  /** What is measured of the list itself, without the empty place. */
  get #measures(): Measures {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    return { scrollTop, scrollHeight: scrollHeight - this.#room, clientHeight };
  }

  #restore(): void {
    const anchor = this.#anchor;
    if (anchor === null || !anchor.element.isConnected) return;
    const drift = anchor.element.getBoundingClientRect().top - this.#edge() - anchor.top;
    if (Math.abs(drift) < 1) return;
    this.scroller.scrollTop += drift;
    this.#corrected = this.scroller.scrollTop;
    this.#sticking.kept(this.#measures);
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
