/** Put the cursor into the message box, once the page that has it is drawn. */
export function focusComposer(): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>('main [data-testid="composer"]')?.focus());
}
