/** The links of the sessions shown, in order. */
export function sessionLinks(): HTMLElement[] {
  return Array.from(document.querySelectorAll<HTMLElement>("[data-session-link]"));
}

/** Focus a session's link, once it is drawn. */
export function focusSession(id: string): void {
  requestAnimationFrame(() => sessionLinks().find((link) => link.dataset["sessionLink"] === id)?.focus());
}

/** So many frames a session that comes back may take to be drawn. */
const FRAMES = 60;

/** Focus a session that comes back into the list as soon as it is there; if it does not come, the list. */
export function focusRestored(id: string, frames = FRAMES): void {
  requestAnimationFrame(() => {
    const links = sessionLinks();
    const link = links.find((one) => one.dataset["sessionLink"] === id) ?? (frames === 0 ? links[0] : undefined);
    if (link !== undefined) link.focus();
    else if (frames > 0) focusRestored(id, frames - 1);
  });
}

/** Focus what stands in the list's place of a session that is about to go: the next one, else the one before. */
export function focusBeside(id: string): void {
  const links = sessionLinks();
  const at = links.findIndex((link) => link.dataset["sessionLink"] === id);
  const beside = (links[at + 1] ?? links[at - 1])?.dataset["sessionLink"];
  if (beside !== undefined) focusSession(beside);
}
