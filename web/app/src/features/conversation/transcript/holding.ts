import { createContext } from "react";

/** A control that stays where it is: found anew each time, as it is drawn anew with the message that it belongs to. */
export type Find = () => HTMLElement | null;

/** Keep what is pressed where it is on the screen; `find` finds what comes in its place. */
export const HoldContext = createContext<(pressed: HTMLElement, find: Find) => void>(() => undefined);

const ROUNDING = 1;
const MOVES = ["wheel", "touchmove"] as const;
const TURNS = ["pointermove", "pointerdown", "keydown", "focusin"] as const;

/**
 * Keeps a control where it is on the screen while the text above it is exchanged, so that it can be pressed again without
 * looking for it. Where the view cannot be moved so far there is room made: above the control where the text is shorter,
 * else at the end of the list. Ends when the reader turns to something else.
 */
export class Holding {
  readonly #ended = new AbortController();
  #gap: HTMLElement | null = null;

  constructor(
    private readonly scroller: HTMLElement,
    /** Where it is, from the top of the window. */
    private readonly top: number,
    private readonly find: Find,
    /** Makes so many pixels of room at the end of the list. */
    private readonly makeRoom: (height: number) => void,
    private readonly onEnd: () => void,
  ) {
    const { signal } = this.#ended;
    for (const type of MOVES) addEventListener(type, () => this.end(), { passive: true, signal });
    for (const type of TURNS) addEventListener(type, ({ target }) => this.#isAt(target) || this.end(), { passive: true, signal });
  }

  /** Put the control back where it was. */
  restore(): void {
    const control = this.find();
    if (control === null) return;
    this.#closeGap();
    this.makeRoom(0);
    const short = this.#move(control);
    if (short < -ROUNDING) this.#openGap(control, -short);
    else if (short > ROUNDING) {
      this.makeRoom(short);
      this.#move(control);
    }
  }

  end(): void {
    this.#ended.abort();
    this.#closeGap();
    this.onEnd();
  }

  /** Moves the view; returns by how much it could not be moved. */
  #move(control: HTMLElement): number {
    const drift = (): number => control.getBoundingClientRect().top - this.top;
    this.scroller.scrollTop += drift();
    return drift();
  }

  #openGap(control: HTMLElement, height: number): void {
    this.#gap = control.closest<HTMLElement>(".foot");
    this.#gap?.style.setProperty("--gap", `${height}px`);
  }

  #closeGap(): void {
    this.#gap?.style.removeProperty("--gap");
    this.#gap = null;
  }

  #isAt(target: EventTarget | null): boolean {
    return target instanceof Node && this.find()?.closest(".versions")?.contains(target) === true;
  }
}
