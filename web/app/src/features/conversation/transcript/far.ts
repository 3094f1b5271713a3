/** So many heights of the view away, a message may be let go: farther than `useNear` looks, or it would come back. */
const FAR = 2.5;

/**
 * How many messages at an edge of the list are so far from the view that they can be let go. If one of them has the
 * focus the list takes it: else it would be lost to the page, and keys would lead nowhere.
 */
export function farRows(scroller: HTMLElement, side: "above" | "below"): number {
  const view = scroller.getBoundingClientRect();
  const rows = Array.from(scroller.querySelectorAll<HTMLElement>(".row"));
  if (side === "below") rows.reverse();
  const near = rows.findIndex((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return (side === "above" ? view.top - bottom : top - view.bottom) < FAR * view.height;
  });
  const far = near < 0 ? rows : rows.slice(0, near);
  if (far.some((row) => row.contains(document.activeElement))) scroller.focus({ preventScroll: true });
  return far.length;
}
