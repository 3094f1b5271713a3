/** Put a text on the clipboard. Throws if the browser refuses. */
export async function copyText(text: string): Promise<void> {
  // Plain http, where a self-hosted server often is, has no clipboard interface.
  if (typeof navigator.clipboard !== "undefined") {
    await navigator.clipboard.writeText(text);
    return;
  }
  const before = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sr";
  document.body.append(area);
  area.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way on plain http
  const done = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus();
  if (!done) throw new Error("The browser does not let the page copy.");
}
