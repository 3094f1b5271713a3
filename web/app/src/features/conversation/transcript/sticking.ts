/** What a scrolled element measures, in pixels. */
export interface Measures {
  scrollTop: number;
  scrollHeight: number;
  clientHeight: number;
}

/** How near to the end a reader who scrolls down has to come to be taken along again. */
export const NEAR = 64;
/** Browsers round positions; a smaller move is nobody's. */
const ROUNDING = 1.5;

/**
 * Whether the view goes along with the end of a growing text. A reader who moves up is left alone at once, and taken
 * along again only after coming back to the end. Knows nothing of elements.
 */
export class Sticking {
  #pinned = true;
  #top = 0;
  #height = 0;

  get pinned(): boolean {
    return this.#pinned;
  }

  /** The reader asked to move up (wheel, finger, key), before any of it is to be seen. */
  movedUp(): void {
    this.#pinned = false;
  }

  /** The view was put to the end. */
  atEnd(measures: Measures): void {
    this.#pinned = true;
    this.#remember(measures);
  }

  /** The view was moved by the page itself, to keep what is read where it is. */
  kept(measures: Measures): void {
    this.#remember(measures);
  }

  /** The view was moved by the page itself, to keep what is pressed where it is: that may be at the end or not. */
  held(measures: Measures, more: boolean): void {
    const { scrollTop, scrollHeight, clientHeight } = measures;
    this.#pinned = !more && scrollHeight - clientHeight - scrollTop <= ROUNDING;
    this.#remember(measures);
  }

  /** The view has moved, by whatever cause. `more`: the end of what is drawn is not the end. */
  scrolled(measures: Measures, more = false): void {
    const { scrollTop, scrollHeight, clientHeight } = measures;
    const away = scrollHeight - clientHeight - scrollTop;
    // Content that shrinks moves the view up as well, and that is not the reader.
    const up = scrollTop < this.#top - ROUNDING && scrollHeight >= this.#height - ROUNDING;
    const down = scrollTop > this.#top + ROUNDING;
    if (up && away > ROUNDING) this.#pinned = false;
    else if (down && !more && away <= NEAR) this.#pinned = true;
    this.#remember(measures);
  }

  #remember({ scrollTop, scrollHeight }: Measures): void {
    this.#top = scrollTop;
    this.#height = scrollHeight;
  }
}
