/** The links of the sessions shown, in order. */
export function sessionLinks(): HTMLElement[] {
  return Array.from(document.querySelectorAll<HTMLElement>("[data-session-link]"));
}

/** Focus a session's link, once it is drawn. */
export function focusSession(id: string): void {
  requestAnimationFrame(() => sessionLinks().find((link) => link.dataset["sessionLink"] === id)?.focus());
}

/** Focus what stands in the list's place of a session that is about to go: the next one, else the one before. */
export function focusBeside(id: string): void {
  const links = sessionLinks();
  const at = links.findIndex((link) => link.dataset["sessionLink"] === id);
  const beside = (links[at + 1] ?? links[at - 1])?.dataset["sessionLink"];
  if (beside !== undefined) focusSession(beside);
}
