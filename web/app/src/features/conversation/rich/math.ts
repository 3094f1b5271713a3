import { whenIdle } from "./idle.js";

/** Longer formulas stay source: nobody writes them, and they could hang the page. */
export const MOST_CHARACTERS = 5000;
/** How many macros a formula may expand to, and how large it may make things, in em. */
const LIMITS = { maxExpand: 500, maxSize: 20 };

/** Typeset a formula, in idle time; a formula that is none stays as its source, with what is wrong in its title. */
export function typeset(element: HTMLElement, tex: string, display: boolean): void {
  if (tex.length > MOST_CHARACTERS) return;
  whenIdle(() => {
    import("./typesetter.js").then(
      ({ formula }) =>
        whenIdle(() => {
          place(element, () => formula(tex, display, LIMITS));
          // After all the others that wait: measured between them, each would have the page laid out anew.
          if (display) whenIdle(() => letReach(element));
        }),
      () => undefined, // Offline before it was ever loaded: the source is legible.
    );
  });
}

function place(element: HTMLElement, make: () => Node): void {
  if (!element.isConnected) return;
  try {
    element.replaceChildren(make());
    element.classList.add("typeset");
  } catch (error) {
    element.classList.add("math-error");
    element.title = error instanceof Error ? error.message : "";
  }
}

/** A formula that is wider than the page is scrolled, and who has no pointer reaches it with Tab. */
function letReach(element: HTMLElement): void {
  if (element.scrollWidth > element.clientWidth && element.clientWidth > 0) element.tabIndex = 0;
}
